#include "tools/reduce/shrink.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "backends/registry/registry.h"
#include "frontend/compile/compare.h"
#include "frontend/compile/driver.h"
#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "passes/pipeline.h"
#include "tests/fuzz/programs/program.h"

// Bugs that are planted in the compiler, between passes of its own, in programs of 300 random ops.
namespace sinter::fuzz {
namespace {

using graph::Function;
using graph::Module;
using graph::Op;
using testing::HasSubstr;

constexpr size_t kOps = 300;

// Random ops, what the bug needs in their midst, and more of them. All that is not used is a result.
template <typename Pattern>
Module program_with(uint64_t seed, Pattern pattern) {
  Module module;
  Function& function = module.add_function(kFunction);
  Draw draw(seed);
  const Plan plan{.extents = {2, 3, 4}, .most_elements = 200, .most_work = 2000, .parameters = 300};
  Writer w(module, function, draw, plan);
  const auto write_up_to = [&](size_t count) {
    while (function.ops().size() < count) write_some(w, 1);
  };
  write_up_to(kOps / 2);
  const Value made = pattern(w);
  w.note(made, {-4, 4, false});
  write_up_to(kOps);
  const graph::ValueMap<int> uses = graph::count_uses(function);
  std::vector<Value> results{made};
  for (const auto& op : function.ops()) {
    for (size_t i = 0; i < op->results.size(); ++i) {
      const Value value = op->result(static_cast<int>(i));
      if (!uses.contains(value) && value != made) results.push_back(value);
    }
  }
  for (size_t i = 0; i < results.size(); ++i) w.b.output(fmt::format("y{}", i), results[i]);
  graph::verify(module);
  return module;
}

// How a program fails with a compiler that does something to kernels; "" where it does not.
template <typename Bug>
std::string fault_with(const Module& module, const passes::Options& options, Bug bug) {
  static const auto device = backends::open_device("cpu", 1);
  const auto lower = [&](const loop::Target& target) {
    Module kernels = passes::to_kernels(module, kFunction, target, options);
    for (const auto& op : kernels.find_function(kFunction)->ops()) {
      if (op->body) bug(*op->body);
    }
    return passes::to_loops(std::move(kernels), kFunction, target);
  };
  const Module expanded = as_written(module);
  const Function& function = *expanded.find_function(kFunction);
  const auto executable = device->compile({kFunction, [&] { return graph::clone(expanded); }, lower});
  return difference_from_reference(expanded, function, *device, *executable, inputs_for(function, 1));
}

Op* find(const Function& function, OpCode code) {
  const auto found = std::ranges::find_if(function.ops(), [&](const auto& op) { return op->code == code; });
  return found == function.ops().end() ? nullptr : found->get();
}

// Shrinks a program in which the bug shows, as it does not where a check of the program's own fails.
template <typename Pattern, typename Fault>
std::string least_of(Pattern pattern, Fault fault, const std::string& message) {
  Module module = program_with(0, pattern);
  for (uint64_t seed = 1; seed < 10 && fault(module).empty(); ++seed) module = program_with(seed, pattern);
  EXPECT_GE(tools::count_ops(module), static_cast<int64_t>(kOps));
  EXPECT_THAT(fault(module), HasSubstr(message));
  int tried = 0;
  const Module least = tools::shrunk(module, kFunction, [&](const Module& smaller) {
    ++tried;
    return fault(smaller).find(message) != std::string::npos;
  });
  const std::string text = graph::print(least);
  EXPECT_THAT(fault(least), HasSubstr(message));
  EXPECT_LE(tools::count_ops(least), 10) << tried << " programs tried\n" << text;
  EXPECT_EQ(graph::print(graph::parse(text)), text);
  return text;
}

// A pass that gives up on a kernel which has both of two ops.
TEST(Shrink, FindsWhatACompilerGivesUpOn) {
  const auto pattern = [](Writer& w) {
    const Value x = w.parameter({DType::f32, {3, 4}});
    return w.b.sub(w.b.tanh(x), w.b.broadcast(w.b.reduce_max(w.b.sin(x), {1}), {3, 4}, {0}));
  };
  const auto fault = [](const Module& of) -> std::string {
    try {
      return fault_with(of, {}, [](Function& body) {
        if (find(body, OpCode::tanh) && find(body, OpCode::reduce_max)) throw InternalError("no such case");
      });
    } catch (const InternalError& error) {
      return error.what();
    }
  };
  EXPECT_THAT(least_of(pattern, fault, "no such case"), HasSubstr("tanh"));
}

// A rewrite that takes the operands of a difference for those of a sum.
TEST(Shrink, FindsARewriteThatIsWrong) {
  const auto pattern = [](Writer& w) {
    const Value x = w.parameter({DType::f32, {4, 3}}), y = w.parameter({DType::f32, {4, 3}});
    return w.b.sin(w.b.sub(w.b.tanh(x), y));
  };
  const auto fault = [](const Module& of) {
    return fault_with(of, {}, [](Function& body) {
      for (const auto& op : body.ops()) {
        if (op->code == OpCode::sub && op->operands[0].op->code == OpCode::tanh)
          std::swap(op->operands[0], op->operands[1]);
      }
    });
  };
  EXPECT_THAT(least_of(pattern, fault, "expected"), HasSubstr("sub"));
}

// Ops that are right by themselves, and wrong in one kernel.
TEST(Shrink, FindsAFusionThatIsWrong) {
  const auto pattern = [](Writer& w) {
    const Value x = w.parameter({DType::f32, {4, 3}});
    return w.b.tanh(w.b.reduce_sum(w.b.exp(w.b.sin(x)), {1}));
  };
  const auto bug = [](Function& body) {
    Op* sum = find(body, OpCode::reduce_sum);
    if (sum != nullptr && sum->operands[0].op->code == OpCode::exp) sum->code = OpCode::reduce_max;
  };
  const auto fault = [&](const Module& of) {
    return fault_with(of, {.fuse = false}, bug).empty() ? fault_with(of, {}, bug) : "wrong by itself too";
  };
  EXPECT_THAT(least_of(pattern, fault, "expected"), HasSubstr("reduce_sum"));
}

}  // namespace
}  // namespace sinter::fuzz
