#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <set>

#include "backends/registry/registry.h"
#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"
#include "passes/rows/row_axes.h"
#include "runtime/error.h"
#include "tests/fuzz/programs/program.h"

// What is said to be made row by row moves with the rows of the inputs when these change places.
namespace sinter::fuzz {
namespace {

using runtime::HostTensor;

// The rows along an axis, the first of them last.
HostTensor turned(const HostTensor& tensor, size_t axis, int64_t rows) {
  HostTensor result(tensor.dtype(), tensor.shape());
  size_t count = 1;
  for (size_t i = 0; i < axis; ++i) count *= static_cast<size_t>(tensor.shape()[i]);
  const size_t all = count == 0 ? 0 : tensor.bytes() / count, one = all / static_cast<size_t>(rows);
  for (size_t i = 0; i < count && all > 0; ++i) {
    const auto* from = static_cast<const std::byte*>(tensor.raw()) + i * all;
    auto* to = static_cast<std::byte*>(result.raw()) + i * all;
    std::memcpy(to, from + one, all - one);
    std::memcpy(to + all - one, from, one);
  }
  return result;
}

// Nothing where a check fails.
std::optional<std::vector<HostTensor>> run(const backends::Device& device, const graph::Module& module,
                                           const std::vector<HostTensor>& inputs) {
  const auto executable = compile_function(module, kFunction, device);
  const auto state = device.make_state(module.states);
  std::vector<HostTensor> outputs;
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const HostTensor& input : inputs) in.push_back(input.raw());
  for (const runtime::TensorSpec& spec : executable->outputs())
    out.push_back(outputs.emplace_back(spec.dtype, spec.shape).raw());
  try {
    executable->run(*executable->make_context(), *state, {.inputs = in, .outputs = out, .seed = 1});
  } catch (const RuntimeError&) {
    return std::nullopt;
  }
  return outputs;
}

TEST(Rows, MoveWithTheRowsOfTheInputs) {
  const auto device = backends::open_device("reference", 1);
  int moved = 0, others = 0;
  for (uint64_t seed = 0; seed < 600; ++seed) {
    const Program program = make_program(seed);
    const graph::Function& function = *program.module.find_function(kFunction);
    std::set<int64_t> extents;
    for (const graph::Op* parameter : function.parameters()) {
      const graph::Shape& shape = parameter->results[0].shape;
      if (!shape.empty() && shape[0] > 1) extents.insert(shape[0]);
    }
    for (const int64_t rows : extents) {
      std::vector<HostTensor> inputs = inputs_for(function, 0);
      std::vector<bool> of_rows;
      for (const HostTensor& input : inputs)
        of_rows.push_back(!input.shape().empty() && input.shape()[0] == rows);
      const auto axes = passes::row_axes(program.module, kFunction, of_rows, rows);
      const auto is_moved = [](const passes::RowAxis& axis) { return axis.axis.has_value(); };
      const auto count = std::ranges::count_if(axes, is_moved);
      others += static_cast<int>(axes.size()) - static_cast<int>(count);
      if (count == 0) continue;
      const auto before = run(*device, program.module, inputs);
      if (!before) continue;
      moved += static_cast<int>(count);
      for (size_t i = 0; i < inputs.size(); ++i) {
        if (of_rows[i]) inputs[i] = turned(inputs[i], 0, rows);
      }
      const auto after = run(*device, program.module, inputs);
      ASSERT_TRUE(after.has_value());
      for (size_t i = 0; i < axes.size(); ++i) {
        if (!axes[i].axis) continue;
        const HostTensor expected = turned((*before)[i], *axes[i].axis, rows);
        ASSERT_TRUE(expected.bytes() == 0 ||
                    std::memcmp(expected.raw(), (*after)[i].raw(), expected.bytes()) == 0)
            << "program " << seed << ", output " << i << ", rows " << rows << "\n"
            << graph::print(program.module);
      }
    }
  }
  EXPECT_GT(moved, 300);
  EXPECT_GT(others, 50);
}

}  // namespace
}  // namespace sinter::fuzz
