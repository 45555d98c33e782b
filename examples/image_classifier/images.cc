#include "examples/image_classifier/images.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using namespace sinter;

namespace image_classifier {
namespace {

Array read_array(const std::string& path) {
  return path.ends_with(".npy") ? load_npy(path) : open_idx(path).read();
}

template <typename T>
void append_as_floats(const Array& array, std::vector<float>& to) {
  for (T value : array.values<T>()) to.push_back(static_cast<float>(value));
}

std::vector<float> to_floats(const Array& array, const std::string& path) {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(array.size()));
  if (array.dtype() == f32) {
    append_as_floats<float>(array, values);
  } else if (array.dtype() == f64) {
    append_as_floats<double>(array, values);
  } else if (array.dtype() == i32) {
    append_as_floats<int32_t>(array, values);
  } else if (array.dtype() == i64) {
    append_as_floats<int64_t>(array, values);
  } else {
    throw Error(fmt::format("{}: no image has truth values for pixels", path));
  }
  return values;
}

std::vector<int32_t> read_labels(const std::string& path) {
  const Array array = read_array(path);
  std::vector<int32_t> labels;
  for (float value : to_floats(array, path)) {
    if (value != std::floor(value) || value < 0 || value > 1e6f) {
      throw Error(fmt::format("{}: a label is a whole number from 0 on, got {}", path, value));
    }
    labels.push_back(static_cast<int32_t>(value));
  }
  return labels;
}

// Where a pixel of the distorted image comes from, and the power of it that it becomes.
struct Distortion {
  float rows_of_row, rows_of_column, columns_of_row, columns_of_column;
  float down, right;
  float power;
};

Distortion draw(std::mt19937_64& random, float height, float width) {
  // Not a library's distribution: those differ from one standard library to the next.
  const auto between = [&](float most) { return (static_cast<float>(random() >> 40) * 0x1p-23f - 1) * most; };
  constexpr float kAngle = 0.24f, kSlant = 0.15f, kStretch = 0.15f, kMove = 0.15f, kPower = 0.4f;
  const float power = std::exp(between(kPower)), angle = between(kAngle);
  const float tall = 1 + between(kStretch), wide = 1 + between(kStretch), slant = between(kSlant);
  return {std::cos(angle) * tall,
          -std::sin(angle) * wide,
          std::sin(angle) * tall + slant,
          std::cos(angle) * wide,
          between(kMove) * height,
          between(kMove) * width,
          power};
}

// Between its four neighbours; beyond the edges is 0.
float sample(const float* image, int64_t height, int64_t width, float row, float column) {
  const float top = std::floor(row), left = std::floor(column);
  float sum = 0;
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      const auto y = static_cast<int64_t>(top) + i, x = static_cast<int64_t>(left) + j;
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      const float share_of_row = i == 0 ? 1 - (row - top) : row - top;
      const float share_of_column = j == 0 ? 1 - (column - left) : column - left;
      sum += image[y * width + x] * share_of_row * share_of_column;
    }
  }
  return sum;
}

}  // namespace

ImageSize Images::size() const {
  return {pixels.shape()[1], pixels.shape()[2], pixels.shape()[3]};
}

Images Images::rows(int64_t first, int64_t count) const {
  return {Rows(pixels).read(first, count), Rows(labels).read(first, count), classes};
}

Images read_images(const std::string& images, const std::string& labels) {
  const Array read = read_array(images);
  Shape shape = read.shape();
  if (shape.size() == 3) shape.insert(shape.begin() + 1, 1);
  if (shape.size() != 4 || read.size() == 0) {
    throw Error(fmt::format("{}: images are [rows,height,width] or [rows,channels,height,width], got {}",
                            images, to_string(read.dtype(), read.shape())));
  }
  std::vector<float> pixels = to_floats(read, images);
  const auto [least, most] = std::minmax_element(pixels.begin(), pixels.end());
  if (!(*least >= 0) || !std::isfinite(*most)) {
    throw Error(
        fmt::format("{}: pixels are numbers from 0 on, got {}", images, *least >= 0 ? *most : *least));
  }
  const float scale = *most > 0 ? 1 / *most : 1;
  for (float& pixel : pixels) pixel *= scale;
  const std::vector<int32_t> classes = read_labels(labels);
  const auto count = static_cast<int64_t>(classes.size());
  if (count != shape[0]) {
    throw Error(fmt::format("{} has {} images, {} has {} labels", images, shape[0], labels, count));
  }
  return {Array::from<float>(pixels, shape), Array::from<int32_t>(classes, {count}),
          1 + *std::max_element(classes.begin(), classes.end())};
}

void distort(Array& pixels, uint64_t seed) {
  const int64_t height = pixels.shape()[2], width = pixels.shape()[3];
  const auto before = pixels.values<float>();
  std::vector<float> after(before.size());
  std::mt19937_64 random(seed);
  const float middle_row = static_cast<float>(height - 1) / 2,
              middle_column = static_cast<float>(width - 1) / 2;
  const int64_t channels = pixels.shape()[1];
  for (int64_t image = 0; image < pixels.shape()[0]; ++image) {
    const Distortion by = draw(random, static_cast<float>(height), static_cast<float>(width));
    for (int64_t i = 0; i < height; ++i) {
      for (int64_t j = 0; j < width; ++j) {
        const float down = static_cast<float>(i) - middle_row, right = static_cast<float>(j) - middle_column;
        const float row = middle_row + by.down + by.rows_of_row * down + by.rows_of_column * right;
        const float column =
            middle_column + by.right + by.columns_of_row * down + by.columns_of_column * right;
        for (int64_t channel = 0; channel < channels; ++channel) {
          const int64_t first = (image * channels + channel) * height * width;
          after[static_cast<size_t>(first + i * width + j)] =
              std::pow(sample(before.data() + first, height, width, row, column), by.power);
        }
      }
    }
  }
  pixels = Array::from<float>(after, pixels.shape());
}

}  // namespace image_classifier
