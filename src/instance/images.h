/*
 * images - every service's image, made once per challenge revision, in the background.
 *
 * A revision is requested when the catalogue shows it. What is there already (by tag
 * "whaley/<challenge>/<service>:<revision>", or by the compose file's own `image:`) is taken, the
 * rest is built by the image workers, one challenge at a time. Spawns never build: they wait here,
 * parked, and see how far the build is.
 *
 * Lock order manager->lock, then the builder's own. Callbacks into the manager hold neither.
 */
#pragma once

#include "docker/images.h"
#include "instance/state.h"

ImageBuilder *image_builder_new(Manager *m);
void image_builder_free(ImageBuilder *builder);
void image_builder_wake(ImageBuilder *builder);
void *image_worker(void *manager);

/* Sees to the images of this revision. `urgent`: a player waits; also retries a failed build. */
void image_builder_request(ImageBuilder *builder, Challenge *challenge, bool urgent);
/* Forgets what is known of it: the engine said that an image is gone. */
void image_builder_doubt(ImageBuilder *builder, const char *challenge_id);
/* Drops challenges that are in no snapshot any more. */
void image_builder_keep_only(ImageBuilder *builder, const CatalogueSnapshot *snapshot);
/*
 * State for this revision (IMAGE_UNKNOWN when another one is known), and the build's last line or
 * why it failed: for organisers only, the text of a build may hold the flag.
 */
ImageState image_builder_state(ImageBuilder *builder, const char *challenge_id,
                               const char *revision, char *ret_detail, size_t size);
/* The same, with what players may see: "step 2 of 5" or "". */
ImageState image_builder_progress(ImageBuilder *builder, const char *challenge_id,
                                  const char *revision, char *ret_progress, size_t size);
/* Is there work, done or to do, for exactly this revision? */
bool image_builder_knows(ImageBuilder *builder, const char *challenge_id, const char *revision);
/* Image id of a service when IMAGE_READY; false otherwise. */
bool image_builder_find(ImageBuilder *builder, const char *challenge_id, const char *revision,
                        const char *service, char ret_id[ENGINE_ID_SIZE], ImageHealth *ret_health);
/* Is this image (by id) needed by a known revision? For the sweep. */
bool image_builder_uses(ImageBuilder *builder, const char *image_id);
