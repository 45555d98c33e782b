#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "backends/registry/registry.h"
#include "frontend/compile/check.h"
#include "ir/graph/builder.h"
#include "ir/graph/text/text.h"
#include "passes/pipeline.h"
#include "tests/support/interpret.h"
#include "tests/support/lacks.h"
#include "tests/support/run_on.h"

// What becomes another thing by its size: sums of windows, concatenations of many parts. Against the
// reference, on sizes around every border.
namespace sinter::test {
namespace {

using graph::Builder;
using graph::Shape;
using graph::Value;
using runtime::HostTensor;

// Whole numbers, so that sums are exact in any order.
template <typename T>
HostTensor whole_numbers(const Shape& shape, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<T> values(static_cast<size_t>(graph::element_count(shape)));
  for (T& value : values) value = static_cast<T>(static_cast<int>(random() % 19) - 9);
  return HostTensor::from<T>(values, shape);
}

std::vector<HostTensor> inputs_of(const graph::Module& module) {
  std::vector<HostTensor> inputs;
  for (const graph::Op* parameter : module.functions[0]->parameters()) {
    const graph::TensorType& type = parameter->results[0];
    const auto seed = static_cast<uint32_t>(inputs.size());
    inputs.push_back(type.dtype == graph::DType::i32   ? whole_numbers<int32_t>(type.shape, seed)
                     : type.dtype == graph::DType::i64 ? whole_numbers<int64_t>(type.shape, seed)
                     : type.dtype == graph::DType::f64 ? whole_numbers<double>(type.shape, seed)
                                                       : whole_numbers<float>(type.shape, seed));
  }
  return inputs;
}

void expect_same(const HostTensor& want, const HostTensor& have, const std::string& what) {
  ASSERT_EQ(want.shape(), have.shape()) << what;
  EXPECT_EQ(std::memcmp(want.raw(), have.raw(), want.bytes()), 0) << what;
}

// Checks f on every device, and its loops on a machine that watches every access.
void check(const graph::Module& module, const std::string& what) {
  const std::vector<HostTensor> inputs = inputs_of(module);
  const auto want = run_on("reference", module, "f", inputs);
  expect_same(want[0], interpret(passes::lower(module, "f", loop::Target{}, {}), inputs)[0], what);
  for (const char* device : {"cpu", "vulkan"}) {
    if (const std::string lacking = lacks(device, module); !lacking.empty()) GTEST_SKIP() << lacking;
    expect_same(want[0], run_on(device, module, "f", inputs)[0], fmt::format("{} on {}", what, device));
  }
}

struct Windows {
  int64_t count, size, stride, dilation, rest;

  int64_t extent() const { return (count - 1) * stride + (size - 1) * dilation + 1 + rest; }
  std::string text() const {
    return fmt::format("{} windows of {}, stride {}, dilation {}, {} more", count, size, stride, dilation,
                       rest);
  }
};

constexpr Windows kWindows[] = {
    // summed by a loop
    {5, 17, 1, 1, 0},
    {5, 33, 1, 1, 0},
    {1, 40, 1, 1, 0},
    {4, 20, 3, 1, 2},
    {2, 34, 17, 1, 16},
    {6, 18, 1, 2, 0},
    {4, 18, 2, 3, 1},
    {4, 19, 3, 2, 2},
    {3, 20, 4, 2, 0},
    // apart
    {3, 17, 17, 1, 0},
    {3, 17, 20, 1, 4},
    {1, 40, 40, 1, 3},
    {3, 4, 20, 5, 3},
    {7, 2, 2, 1, 1},
    {4, 1, 1, 1, 0},
    {4, 1, 3, 1, 2},
    // element by element
    {4, 3, 1, 1, 0},
    {5, 3, 2, 1, 1},
    {4, 16, 1, 1, 0},
    {3, 5, 2, 2, 0}};

TEST(Moved, WindowsFoldAlongEachAxis) {
  for (const Windows& w : kWindows) {
    for (int64_t axis = 0; axis < 3; ++axis) {
      graph::Module module;
      Builder b(module, module.add_function("f"));
      Shape shape = {2, 3, 2};
      shape[static_cast<size_t>(axis)] = w.count;
      shape.push_back(w.size);
      const Value x = b.parameter("x", {graph::DType::f32, shape});
      const Value folded = b.fold(x, axis, w.extent(), w.stride, w.dilation);
      b.output("y", b.add(folded, b.constant_like(1, folded)));
      check(module, fmt::format("{} along axis {}", w.text(), axis));
    }
  }
}

TEST(Moved, WindowsFoldAlongTwoAxes) {
  for (const Windows& w : kWindows) {
    const Windows other = {3, 2, 1, 1, 0};
    graph::Module module;
    Builder b(module, module.add_function("f"));
    const Value x = b.parameter("x", {graph::DType::f32, {2, w.count, other.count, w.size, other.size}});
    const Value once = b.fold(x, 2, other.extent(), other.stride, other.dilation);
    b.output("y", b.fold(once, 1, w.extent(), w.stride, w.dilation));
    check(module, w.text());
  }
}

// Parts of 1, 2 or 3 along `axis`, every fifth of them empty.
graph::Module parts(int count, int64_t axis, graph::DType type, bool computed) {
  graph::Module module;
  Builder b(module, module.add_function("f"));
  std::vector<Value> list;
  Shape shape = {2, 3, 5};
  for (int i = 0; i < count; ++i) {
    shape[static_cast<size_t>(axis)] = i % 5 == 4 ? 0 : 1 + i % 3;
    Value part = b.parameter(fmt::format("x{}", i), {type, shape});
    if (computed && i % 2 == 0) part = b.add(b.mul(part, part), part);
    if (computed && i % 3 == 0) part = b.reverse(part, {0});
    list.push_back(part);
  }
  b.output("y", b.concat(list, axis));
  return module;
}

TEST(Moved, PartsOfEachNumberAlongEachAxis) {
  for (int64_t axis = 0; axis < 3; ++axis) {
    for (const int count : {8, 9, 23, 64, 65, 150}) {
      for (const bool computed : {false, true})
        check(parts(count, axis, graph::DType::f32, computed),
              fmt::format("{} parts along axis {}{}", count, axis, computed ? ", computed" : ""));
    }
  }
  for (const graph::DType type : {graph::DType::i32, graph::DType::i64, graph::DType::f64})
    check(parts(20, 1, type, true), std::string(graph::name(type)));
}

// Large enough that threads share them; and what reads them does more.
TEST(Moved, LargePartsInOneKernel) {
  graph::Module module;
  Builder b(module, module.add_function("f"));
  const Value x = b.parameter("x", {graph::DType::f32, {100, 300}}),
              y = b.parameter("y", {graph::DType::f32, {7, 300}});
  std::vector<Value> list;
  for (int i = 0; i < 5; ++i) {
    list.push_back(b.mul(x, b.constant_like(i + 1, x)));
    list.push_back(b.add(y, b.constant_like(i, y)));
  }
  b.output("y", b.concat(list, 0));
  check(module, "large parts");
  EXPECT_EQ(passes::lower(module, "f", loop::Target{}, {}).kernels.size(), 1u);
}

// A device that binds few buffers copies the parts in several kernels.
TEST(Moved, PartsThatADeviceCannotBindAtOnce) {
  loop::Target target;
  target.max_buffers = 4;
  const graph::Module module = parts(30, 1, graph::DType::f32, true);
  const loop::Program program = passes::lower(module, "f", target, {});
  for (const loop::Kernel& kernel : program.kernels) EXPECT_LE(kernel.arguments.size(), 4u);
  const std::vector<HostTensor> inputs = inputs_of(module);
  expect_same(run_on("reference", module, "f", inputs)[0], interpret(program, inputs)[0], "four buffers");
}

// A logarithm that both passes over a row need, of another row: what a pass keeps is of its own.
TEST(Moved, ValuesOfOtherRowsAreComputedAgain) {
  const graph::Module module = graph::parse(R"(func @f(%x: f32[2,40]) {
  %m: f32[2,40] = mul %x, %x
  %l: f32[2,40] = log %m
  %r: f32[2,40] = reverse %l {axes=[0]}
  %a: f32[2,40] = add %r, %x
  %q: f32[2,40] = div %a, %m
  %s: f32[2] = reduce_sum %q {axes=[1]}
  %b: f32[2,40] = broadcast %s {dims=[0], shape=[2,40]}
  %o: f32[2,40] = sub %q, %b
  return %o
})");
  EXPECT_EQ(passes::lower(module, "f", loop::Target{}, {}).kernels.size(), 1u);
  for (const char* name : {"cpu", "vulkan"})
    EXPECT_EQ(check_function(module, "f", *backends::open_device(name, 1)).disagreement, "") << name;
}

}  // namespace
}  // namespace sinter::test
