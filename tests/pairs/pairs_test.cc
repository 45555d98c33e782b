#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "backends/registry/registry.h"
#include "backends/template/template.h"
#include "frontend/compile/compare.h"
#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "passes/differentiate/differentiate.h"
#include "tests/pairs/scene.h"
#include "tests/support/lacks.h"

// Each way to make a tensor straight into each way to use one, twice in one program at two sizes, forward and
// with its gradient: what fusing two ops does, no test of one op can see.
namespace sinter::test {
namespace {

using graph::DType;
using graph::Value;

constexpr Size kSizes[] = {{.b = 2, .h = 2, .m = 3, .n = 4, .k = 5},
                           {.b = 2, .h = 2, .m = 17, .n = 18, .k = 20}};

struct Pair {
  graph::Module module;
  std::vector<runtime::HostTensor> inputs;
};

Pair make_pair(const Maker& maker, const User& user, bool with_gradient) {
  Pair pair;
  graph::Function& function = pair.module.add_function("f");
  Scene scene(pair.module, function);
  std::vector<Value> results;
  for (const Size& size : kSizes) {
    scene.dtype = user.dtype;
    scene.bound = user.bound ? user.bound(size) : 5;
    const Value x = maker.make(scene, user.shape(size));
    for (Value result : user.use(scene, x, size)) {
      scene.b.output("y" + std::to_string(results.size()), result);
      results.push_back(result);
    }
  }
  std::vector<Value> wrt;
  for (graph::Op* parameter : function.parameters()) {
    if (graph::is_floating(parameter->results[0].dtype)) wrt.push_back(parameter->result());
  }
  Value loss;
  for (Value result : results) {
    if (!with_gradient || wrt.empty() || !graph::is_floating(result.dtype())) continue;
    std::vector<int64_t> axes;
    for (int64_t axis = 0; axis < result.rank(); ++axis) axes.push_back(axis);
    const Value weighted = scene.b.mul(result, scene.real(result.shape()));
    const Value sum = axes.empty() ? weighted : scene.b.reduce_sum(weighted, axes);
    loss = loss ? scene.b.add(loss, sum) : sum;
  }
  if (loss) {
    for (Value gradient : scene.b.grad(loss, wrt))
      scene.b.output("d" + std::to_string(function.outputs.size()), gradient);
  }
  pair.inputs = scene.inputs();
  graph::verify(pair.module);
  return pair;
}

// A processor with caches so small that loops are cut.
loop::Target small_processor() {
  loop::Target target;
  target.vector_bytes = 16;
  target.l1_bytes = 2048;
  target.l2_bytes = 4096;
  target.unit_elements = 64;
  return target;
}

// A machine with workgroups, and shared memory where operands are staged.
loop::Target workgroups() {
  loop::Target target;
  target.kind = loop::Target::Kind::gpu;
  target.unit_vectors = 1;
  target.local_bytes = 1024;
  target.has_fma = false;
  target.exact_division = false;
  target.subgroup_size = 8;
  target.shared_bytes = 32 << 10;
  target.max_workgroup_size = 64;
  target.max_workgroups = 65535;
  return target;
}

void check(const Pair& pair, const backends::Device& device, std::string_view name) {
  if (const std::string lacking = lacks(device, pair.module); !lacking.empty()) GTEST_SKIP() << lacking;
  try {
    const std::string difference = difference_from_reference(pair.module, "f", device, pair.inputs);
    EXPECT_EQ(difference, "") << name << ", in\n" << graph::print(pair.module);
  } catch (const std::exception& error) {
    ADD_FAILURE() << name << ": " << error.what() << ", in\n" << graph::print(pair.module);
  }
}

// There are too many for every run to have each on each machine: which it has, depends on the pair. With
// SINTER_PAIRS=all, it has all; with the name of a maker, all of that one and no others.
std::string wanted() {
  const char* value = std::getenv("SINTER_PAIRS");
  return value != nullptr ? value : "";
}
bool is_turn(size_t number, size_t turn, size_t of) {
  return !wanted().empty() || number % of == turn;
}

class Pairs : public testing::TestWithParam<size_t> {};

TEST_P(Pairs, AgreeWithTheReference) {
  static const skeleton::Device on_threads(small_processor()), on_workgroups(workgroups());
  static const auto cpu = backends::open_device("cpu", 2), vulkan = backends::open_device("vulkan");
  const User& user = users()[GetParam()];
  for (size_t i = 0; i < makers().size(); ++i) {
    const Maker& maker = makers()[i];
    if (!makes(maker, user.dtype)) continue;
    if (!wanted().empty() && wanted() != "all" && wanted() != maker.name) continue;
    // Diagonals of the table: each maker and each user has its turn on every machine.
    const size_t number = GetParam() * 7 + i;
    for (const bool with_gradient : {false, true}) {
      if (wanted().empty() && with_gradient == (number % 4 == 0)) continue;
      SCOPED_TRACE(maker.name + " into " + user.name + (with_gradient ? ", with its gradient" : ""));
      const Pair pair = make_pair(maker, user, with_gradient);
      if (is_turn(number, 0, 3)) check(pair, on_threads, "threads");
      if (is_turn(number, 1, 3)) check(pair, on_workgroups, "workgroups");
      if (is_turn(number, 3, 19)) check(pair, *cpu, "cpu");
      if (is_turn(number, 11, 59)) check(pair, *vulkan, "vulkan");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Into, Pairs, testing::Range<size_t>(0, users().size()),
                         [](const auto& user) { return users()[user.param].name; });

}  // namespace
}  // namespace sinter::test
