#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ir/graph/builder.h"
#include "runtime/tensor.h"

namespace sinter::test {

// A function in the making, and what it is to be run on.
class Scene {
 public:
  Scene(graph::Module& module, graph::Function& function) : b(module, function) {}
  Scene(const Scene&) = delete;

  graph::Builder b;
  // What makers make: floats of [-2, 2), whole 64ths, so that most sums are exact; integers of [0, bound), or
  // bools.
  graph::DType dtype = graph::DType::f32;
  int64_t bound = 1;

  // Parameters.
  graph::Value tensor(graph::Shape shape) { return parameter({dtype, std::move(shape)}, bound); }
  graph::Value real(graph::Shape shape) { return parameter({graph::DType::f32, std::move(shape)}, 1); }
  graph::Value integers(graph::Shape shape, int64_t below, graph::DType type = graph::DType::i32) {
    return parameter({type, std::move(shape)}, below);
  }
  graph::Value flags(graph::Shape shape) { return parameter({graph::DType::boolean, std::move(shape)}, 2); }
  // Another function of the module, which `build` fills from its parameters; it returns the outputs.
  const graph::Function& helper(
      const std::vector<graph::TensorType>& parameters,
      const std::function<std::vector<graph::Value>(graph::Builder&, const std::vector<graph::Value>&)>&
          build);

  const std::vector<runtime::HostTensor>& inputs() const { return inputs_; }

 private:
  graph::Value parameter(graph::TensorType type, int64_t below);

  std::mt19937 random_{1};
  std::vector<runtime::HostTensor> inputs_;
};

// The extents that shapes are made of.
struct Size {
  int64_t b, h, m, n, k;
};

// A way to make a tensor of any shape whose extents are 2 at least.
struct Maker {
  enum class Kind : uint8_t {
    moves,     // of every element type
    computes,  // of those with arithmetic
    floats,    // of f32
    integers,  // of i32
  };

  std::string name;
  Kind kind;
  std::function<graph::Value(Scene&, const graph::Shape&)> make;
};
const std::vector<Maker>& makers();
bool makes(const Maker& maker, graph::DType type);

// A way to use one: the shape it wants, and its results.
struct User {
  std::string name;
  std::function<graph::Shape(const Size&)> shape;
  std::function<std::vector<graph::Value>(Scene&, graph::Value, const Size&)> use;
  graph::DType dtype = graph::DType::f32;
  std::function<int64_t(const Size&)> bound = nullptr;  // of integers
};
const std::vector<User>& users();

}  // namespace sinter::test
