#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "backends/registry/registry.h"
#include "frontend/compile/compare.h"
#include "ir/graph/builder.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "passes/simplify/simplify.h"
#include "tests/simplify/compare.h"
#include "tests/support/narrow.h"
#include "tests/support/run_on.h"

// Whole graphs, made at random of the ops that rules look at, keep their values in f64 up to rounding.
namespace sinter::passes {
namespace {

using graph::Builder;
using graph::DType;
using graph::Shape;
using graph::Value;

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed), b_(module_, module_.add_function("f")) {}

  graph::Module make(int ops) {
    for (int i = 0; i < 4; ++i)
      values_.push_back(b_.parameter("x" + std::to_string(i), {DType::f64, shape()}));
    values_.push_back(b_.constant(1, DType::f64, shape()));
    values_.push_back(b_.constant(-0.5, DType::f64, {}));
    for (int i = 0; i < ops; ++i) {
      const Value made = next();
      if (made.type().elements() <= 5000) values_.push_back(made);
    }
    for (size_t i = 0; i < 5; ++i) b_.output("y" + std::to_string(i), values_[values_.size() - 1 - i]);
    return std::move(module_);
  }

 private:
  size_t below(size_t bound) { return random_() % bound; }
  bool chance() { return below(2) == 0; }
  int64_t extent() {
    constexpr int64_t kExtents[] = {1, 1, 2, 3, 4, 6};
    return kExtents[below(std::size(kExtents))];
  }
  Shape shape() {
    Shape result(below(4));
    std::ranges::generate(result, [&] { return extent(); });
    return result;
  }
  // Mostly late values, so that chains form.
  Value any() {
    const size_t n = values_.size();
    return values_[chance() ? below(n) : n - 1 - below(std::min<size_t>(n, 4))];
  }
  Value with_shape(const Shape& wanted) {
    std::vector<Value> fit;
    for (Value value : values_) {
      const auto both = graph::broadcast_shapes(value.shape(), wanted);
      if (both && *both == wanted) fit.push_back(value);
    }
    return fit.empty() ? b_.constant(0.25, DType::f64, wanted)
                       : b_.broadcast_to(fit[below(fit.size())], wanted);
  }
  std::vector<int64_t> axes(Value x) {
    std::vector<int64_t> result;
    for (int64_t axis = 0; axis < x.rank(); ++axis) {
      if (chance()) result.push_back(axis);
    }
    return result;
  }

  Value next() {
    const Value x = any();
    switch (below(14)) {
      case 0:
        return b_.tanh(x);
      case 1:
        return chance() ? b_.neg(x) : b_.abs(x);
      case 2:
        return b_.add(x, with_shape(x.shape()));
      case 3:
        return b_.mul(x, with_shape(x.shape()));
      case 4:
        return b_.max(x, with_shape(x.shape()));
      case 5:
        return choose(x);
      case 6:
        return reshape(x);
      case 7:
        return transpose(x);
      case 8:
        return broadcast(x);
      case 9:
        return slice(x);
      case 10:
        return chance() ? pad(x) : concat(x);
      case 11:
        return b_.tanh(chance() ? b_.reduce_sum(x, axes(x), chance()) : b_.reduce_max(x, axes(x), chance()));
      default:
        return contract(x);
    }
  }
  Value choose(Value x) {
    const auto index = b_.iota({DType::i32, x.shape().empty() ? Shape{3} : x.shape()}, 0);
    const auto condition = b_.less(index, b_.constant_int(2, DType::i32));
    const Value y = with_shape(index.shape());
    return b_.select(condition, x.rank() == 0 ? b_.broadcast_to(x, index.shape()) : x, y);
  }
  Value reshape(Value x) {
    Shape flat;
    int64_t run = 1;
    for (int64_t n : x.shape()) {
      run *= n;
      if (chance()) flat.push_back(std::exchange(run, 1));
      if (below(4) == 0) flat.push_back(1);
    }
    flat.push_back(run);
    if (flat.back() % 2 == 0 && chance()) {
      flat.back() /= 2;
      flat.insert(flat.end() - (chance() ? 1 : 0), 2);
    }
    return b_.reshape(x, flat);
  }
  Value transpose(Value x) {
    std::vector<int64_t> permutation(x.shape().size());
    std::iota(permutation.begin(), permutation.end(), 0);
    std::ranges::shuffle(permutation, random_);
    return b_.transpose(x, permutation);
  }
  Value broadcast(Value x) {
    Shape wanted;
    std::vector<int64_t> dims;
    for (int64_t n : x.shape()) {
      if (below(3) == 0) wanted.push_back(extent());
      dims.push_back(static_cast<int64_t>(wanted.size()));
      wanted.push_back(n == 1 && chance() ? extent() : n);
    }
    if (chance()) wanted.push_back(extent());
    return b_.broadcast(x, wanted, dims);
  }
  Value slice(Value x) {
    std::vector<int64_t> start, limit, stride;
    for (int64_t n : x.shape()) {
      start.push_back(static_cast<int64_t>(below(static_cast<size_t>(n))));
      limit.push_back(start.back() + 1 + static_cast<int64_t>(below(static_cast<size_t>(n - start.back()))));
      stride.push_back(1 + static_cast<int64_t>(below(2)));
    }
    return b_.slice(x, start, limit, stride);
  }
  Value pad(Value x) {
    std::vector<int64_t> low, high, interior;
    for (size_t i = 0; i < x.shape().size(); ++i) {
      low.push_back(static_cast<int64_t>(below(2)));
      high.push_back(static_cast<int64_t>(below(2)));
      interior.push_back(static_cast<int64_t>(below(2)));
    }
    return b_.pad(x, low, high, interior, 0.5);
  }
  Value concat(Value x) {
    if (x.rank() == 0) return x;
    return b_.concat({x, with_shape(x.shape())}, static_cast<int64_t>(below(x.shape().size())));
  }
  // Every axis of x is summed, shared or its own, and the other side gets one axis more.
  Value contract(Value x) {
    std::string lhs, rhs, result;
    Shape other;
    for (size_t i = 0; i < x.shape().size(); ++i) {
      const char letter = static_cast<char>('a' + i);
      const size_t kind = below(3);
      lhs += letter;
      if (kind != 0) {
        rhs.insert(below(rhs.size() + 1), 1, letter);
      }
      if (kind != 1) result.insert(below(result.size() + 1), 1, letter);
    }
    rhs.insert(below(rhs.size() + 1), 1, 'n');
    result.insert(below(result.size() + 1), 1, 'n');
    for (char letter : rhs) {
      other.push_back(letter == 'n' ? extent() : x.shape()[static_cast<size_t>(letter - 'a')]);
    }
    const Value y = with_shape(other);
    return b_.tanh(chance() ? b_.contract(x, y, lhs + "," + rhs + "->" + result)
                            : b_.contract(y, x, rhs + "," + lhs + "->" + result));
  }

  std::mt19937 random_;
  graph::Module module_;
  Builder b_;
  std::vector<Value> values_;
};

TEST(RandomGraphs, KeepValues) {
  for (uint32_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Module before = Generator(seed).make(6 + static_cast<int>(seed % 40));
    ASSERT_NO_THROW(graph::verify(before));
    graph::Module after = graph::clone(before);
    simplify(after);
    ASSERT_NO_THROW(graph::verify(after)) << graph::print(after);
    std::mt19937 random(seed);
    ASSERT_EQ(test::difference(before, after, test::Values::mild, 1e-9, random), "")
        << graph::print(before) << graph::print(after);
  }
}

// The whole pipeline and the code it ends in, held against the reference on the graph as it was built.
TEST(RandomGraphs, GiveTheSameWhenCompiled) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Module module = Generator(seed).make(6 + static_cast<int>(seed % 40));
    const graph::Function& function = *module.functions[0];
    std::mt19937 random(seed);
    const auto inputs = test::random_inputs(function, test::Values::mild, random);
    const auto expected = test::run_on("reference", module, function.name(), inputs);
    const auto fused = test::run_on("cpu", module, function.name(), inputs);
    ASSERT_EQ(test::difference(expected, fused, 1e-4), "") << graph::print(module);
    const auto apart = test::run_on("cpu", module, function.name(), inputs, {.fuse = false});
    ASSERT_EQ(test::difference(expected, apart, 1e-4), "") << graph::print(module);
    const auto alone = test::run_on("cpu", module, function.name(), inputs, {}, 1);
    ASSERT_EQ(test::difference(fused, alone, 0), "") << graph::print(module);
  }
}

// In f32, as devices without f64 compute it.
TEST(RandomGraphs, GiveTheSameOnVulkan) {
  const auto device = backends::open_device("vulkan");
  for (uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Module module = test::narrowed(Generator(seed).make(6 + static_cast<int>(seed % 40)));
    std::mt19937 random(seed);
    const auto inputs = test::random_inputs(*module.functions[0], test::Values::mild, random);
    ASSERT_EQ(difference_from_reference(module, "f", *device, inputs), "") << graph::print(module);
    if (seed % 4 != 0) continue;
    ASSERT_EQ(difference_from_reference(module, "f", *device, inputs, {.fuse = false}), "")
        << graph::print(module);
  }
}

// What is simple stays as it is.
TEST(RandomGraphs, AreSimplifiedOnce) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    graph::Module module = Generator(seed).make(30);
    simplify(module);
    const std::string once = graph::print(module);
    simplify(module);
    ASSERT_EQ(graph::print(module), once);
  }
}

}  // namespace
}  // namespace sinter::passes
