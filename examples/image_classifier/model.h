#pragma once

#include <sinter/sinter.h>

namespace image_classifier {

struct ImageSize {
  int64_t channels = 1;
  int64_t height = 0;
  int64_t width = 0;
};

// Two convolutions in a row, then half the height and width.
struct Stage : sinter::nn::Module {
  Stage(sinter::nn::Module& owner, sinter::nn::Name name, int64_t channels, int64_t filters);
  sinter::Tensor operator()(const sinter::Tensor& x);  // [n,channels,h,w] → [n,filters,h/2,w/2], rounded up

  sinter::nn::Conv2d first, second;
  sinter::nn::BatchNorm first_norm, second_norm;
};

// Images [n,channels,h,w] → scores of each class [n,classes].
struct Classifier : sinter::nn::Module {
  Classifier(const ImageSize& size, int64_t classes);
  sinter::Tensor operator()(const sinter::Tensor& images);

  Stage edges, shapes;
  sinter::nn::Dropout dropout;
  sinter::nn::Linear scores;
};

}  // namespace image_classifier
