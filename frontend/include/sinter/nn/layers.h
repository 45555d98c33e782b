#pragma once

// Layers with parameters. In what they say of shapes, b stands for any leading axes.
#include <sinter/nn/convolution.h>
#include <sinter/nn/embedding.h>
#include <sinter/nn/feed_forward.h>
#include <sinter/nn/linear.h>
#include <sinter/nn/norms.h>
#include <sinter/nn/pooling.h>
#include <sinter/nn/recurrent.h>
#include <sinter/nn/resampling.h>
#include <sinter/nn/sequential.h>
