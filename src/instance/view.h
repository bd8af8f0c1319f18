/* view - builds the immutable copies of an Instance that everyone else reads. */
#pragma once

#include "instance/state.h"

/* For instance.c, when the last reference goes. */
void view_free(InstanceView *view);
