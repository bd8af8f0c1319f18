/* container_spec - one service of a plan as the engine's create body. */
#pragma once

#include "docker/containers.h"
#include "docker/images.h"
#include "instance/labels.h"
#include "instance/project.h"

/* Everything the spec points to lives in the project's arena, the plan or the instance. */
MUST_USE int container_spec_fill(ContainerSpec *ret, Project *project, size_t service_index,
                                 Error *err);
/*
 * How often to probe, for the create body: what the file says, else what keeps a HEALTHCHECK of the
 * image within the same limits, else 0 (the image's own, or the engine's default).
 */
ImageHealth container_health(const PlanHealthcheck *planned, const ImageHealth *image);
/*
 * The tar with the challenge files that the service binds. Returns 1 when it binds none; otherwise
 * the caller frees *ret_tar.
 */
MUST_USE int container_spec_copies(Project *project, const PlanService *service, char **ret_tar,
                                   size_t *ret_len, Error *err);
