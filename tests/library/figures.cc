#include "tests/library/figures.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "runtime/safetensors.h"
#include "tests/frontend/evaluate.h"

namespace sinter {

Array figure(const std::string& name) {
  static std::map<std::string, runtime::SafetensorsFile> files;
  const size_t slash = name.find('/');
  const std::string file = slash == std::string::npos ? "figures" : name.substr(0, slash);
  if (!files.contains(file)) {
    files.emplace(file,
                  runtime::read_safetensors(SINTER_SOURCE_DIR "/tests/library/" + file + ".safetensors"));
  }
  const runtime::HostTensor& tensor = files.at(file).tensors.at(name.substr(slash + 1));
  const Shape shape(tensor.shape().begin(), tensor.shape().end());
  if (tensor.dtype() == runtime::DType::i32) {
    const auto values = tensor.values<int32_t>();
    return Array::from<int32_t>(values, shape);
  }
  const auto values = tensor.values<float>();
  return Array::from<float>(values, shape);
}

std::vector<float> figures(const std::string& name) {
  return floats(figure(name));
}

Tensor given(const std::string& name) {
  return constant(figure(name));
}

testing::Matcher<std::vector<float>> near_figures(const std::string& name, float rounding, float least) {
  const std::vector<float> expected = figures(name);
  float largest = least;
  for (const float value : expected) largest = std::max(largest, std::abs(value));
  return testing::Pointwise(testing::FloatNear(rounding * largest), expected);
}

}  // namespace sinter
