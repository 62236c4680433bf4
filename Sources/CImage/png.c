#include "image.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// libpng's simplified interface: it keeps its setjmp to itself and leaves a text in png_image.message.

static int fail(png_image *png, char *message, const char *text) {
    snprintf(message, HILLOCK_IMAGE_MESSAGE_SIZE, "%s", text);
    png_image_free(png);
    return 0;
}

int hillock_png_decode(const void *data, size_t size, size_t max_pixels, HillockImage *image, char *message) {
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&png, data, size)) return fail(&png, message, png.message);
    // Samples of 16 bits are sRGB like those of 8, as other programs take them, unless the file says otherwise.
    png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    size_t channels = png.format & PNG_FORMAT_FLAG_COLOR ? 4 : 2;
    png.format = channels == 4 ? PNG_FORMAT_RGBA : PNG_FORMAT_GA;
    if (png.width == 0 || png.height > max_pixels / png.width) {
        char text[HILLOCK_IMAGE_MESSAGE_SIZE];
        snprintf(text, sizeof text, "%u x %u pixels are more than the limit of %zu", png.width, png.height, max_pixels);
        return fail(&png, message, text);
    }
    image->height = png.height;
    image->width = png.width;
    image->channels = channels;
    image->pixels = calloc((size_t)png.height * png.width, channels);
    if (!image->pixels) return fail(&png, message, "there is not enough memory");
    if (!png_image_finish_read(&png, NULL, image->pixels, 0, NULL)) {
        free(image->pixels);
        image->pixels = NULL;
        return fail(&png, message, png.message);
    }
    return 1;
}

size_t hillock_png_encode(const uint8_t *pixels, size_t height, size_t width, size_t channels, uint8_t **data, char *message) {
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    png.width = (png_uint_32)width;
    png.height = (png_uint_32)height;
    png.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    png_alloc_size_t size = 0;
    if (!png_image_write_to_memory(&png, NULL, &size, 0, pixels, 0, NULL)) return (size_t)fail(&png, message, png.message);
    *data = malloc(size);
    if (!*data) return (size_t)fail(&png, message, "there is not enough memory");
    if (!png_image_write_to_memory(&png, *data, &size, 0, pixels, 0, NULL)) {
        free(*data);
        return (size_t)fail(&png, message, png.message);
    }
    return size;
}

void hillock_image_free(void *memory) { free(memory); }
