// Data sets compiled into the library. Each is the bytes of a file, as it stands in the folder of its name.
#pragma once

#include <stddef.h>

/// A file compiled in: its name, its bytes and how many.
typedef struct {
    const char *name;
    const unsigned char *bytes;
    size_t size;
} HillockEmbeddedFile;

/// The four files of `mnist-5k`, in the order train images, train labels, test images, test labels.
const HillockEmbeddedFile *hillock_embedded_mnist_5k(void);
