/*
 * labels - the labels this folder reads back from the engine.
 */
#pragma once

#define LABEL_MANAGED  "whaley.managed"     /* "true" on everything of ours */
#define LABEL_INSTANCE "whaley.instance_id" /* whose it is */
#define LABEL_POOL     "whaley.pool"        /* "1": an empty network kept ready */
#define LABEL_PROJECT  "com.docker.compose.project"
#define LABEL_SERVICE  "com.docker.compose.service"
