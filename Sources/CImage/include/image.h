// Pictures by the system's libraries. Errors come back as text, never by longjmp.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// A decoded picture: 8 bits a sample, rows from the top without padding.
typedef struct {
    uint8_t *pixels;    ///< height * width * channels samples; give back with hillock_image_free
    size_t height;
    size_t width;
    size_t channels;    ///< 2: grey and alpha, 4: red, green, blue and alpha (not premultiplied)
} HillockImage;

/// Room for an error's text, with its final zero.
#define HILLOCK_IMAGE_MESSAGE_SIZE 160

/// Decodes any PNG to 8 bits with alpha. Returns 1, or 0 with a text in `message`; a picture of more than `max_pixels` is refused before
/// memory is taken for it.
int hillock_png_decode(const void *data, size_t size, size_t max_pixels, HillockImage *image, char *message);

/// Encodes 8-bit grey (channels 1) or RGB (channels 3). Returns the size and sets `*data` (give back with hillock_image_free), or 0 with a
/// text in `message`.
size_t hillock_png_encode(const uint8_t *pixels, size_t height, size_t width, size_t channels, uint8_t **data, char *message);

void hillock_image_free(void *memory);
