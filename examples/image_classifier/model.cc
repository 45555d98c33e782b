#include "examples/image_classifier/model.h"

using namespace sinter;

namespace image_classifier {
namespace {

constexpr int64_t kEdges = 32, kShapes = 64;  // filters
constexpr double kMomentum = 0.02;            // of running statistics: data sets are small

int64_t quarter(int64_t extent) {
  return (extent + 3) / 4;
}

}  // namespace

Stage::Stage(nn::Module& owner, nn::Name name, int64_t channels, int64_t filters)
    : Module(owner, std::move(name)),
      first(*this, "first", {.channels = channels, .filters = filters, .padding = 1, .bias = false}),
      second(*this, "second", {.channels = filters, .filters = filters, .padding = 1, .bias = false}),
      first_norm(*this, "first_norm", filters, {.momentum = kMomentum}),
      second_norm(*this, "second_norm", filters, {.momentum = kMomentum}) {}

Tensor Stage::operator()(const Tensor& x) {
  const Tensor once = relu(first_norm(first(x)));
  return max_pool(relu(second_norm(second(once))), {2}, {.ceil_mode = true});
}

Classifier::Classifier(const ImageSize& size, int64_t classes)
    : edges(*this, "edges", size.channels, kEdges),
      shapes(*this, "shapes", kEdges, kShapes),
      dropout(*this, "dropout", 0.5),
      scores(*this, "scores", kShapes * quarter(size.height) * quarter(size.width), classes) {}

Tensor Classifier::operator()(const Tensor& images) {
  return scores(dropout(flatten(shapes(edges(images)), 1)));
}

}  // namespace image_classifier
