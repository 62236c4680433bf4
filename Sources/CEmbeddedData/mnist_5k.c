#include "embedded.h"

// #embed is C23; clang has it in every language mode and says so.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char train_images[] = {
#embed "mnist-5k/train-images-idx3-ubyte.gz"
};
static const unsigned char train_labels[] = {
#embed "mnist-5k/train-labels-idx1-ubyte.gz"
};
static const unsigned char test_images[] = {
#embed "mnist-5k/t10k-images-idx3-ubyte.gz"
};
static const unsigned char test_labels[] = {
#embed "mnist-5k/t10k-labels-idx1-ubyte.gz"
};

static const HillockEmbeddedFile files[] = {
    {"train-images-idx3-ubyte.gz", train_images, sizeof train_images},
    {"train-labels-idx1-ubyte.gz", train_labels, sizeof train_labels},
    {"t10k-images-idx3-ubyte.gz", test_images, sizeof test_images},
    {"t10k-labels-idx1-ubyte.gz", test_labels, sizeof test_labels},
};

const HillockEmbeddedFile *hillock_embedded_mnist_5k(void) { return files; }
