#include "tests/math/run_words.h"

#include <memory>
#include <string>

#include "backends/cpu/compile/compile.h"
#include "backends/cpu/run/executable.h"
#include "ir/loop/program.h"

namespace sinter::math_test {
namespace {

constexpr int64_t kLanes = 8;

loop::BufferRef buffer(std::string name, loop::Type type, int64_t size, bool written) {
  return std::make_shared<loop::Buffer>(
      loop::Buffer{.name = std::move(name), .type = type, .size = size, .written = written});
}

loop::Kernel kernel_of(const Build& build, loop::Type type, int64_t size) {
  const loop::BufferRef first = buffer("first", loop::Type::i32, size, false);
  const loop::BufferRef second = buffer("second", loop::Type::i32, size, false);
  const loop::BufferRef values = buffer("values", type, size, true);
  const loop::VariableRef block = loop::make_variable("block"), lane = loop::make_variable("lane");
  const loop::Expr index = loop::variable(block) * kLanes + loop::variable(lane);
  const loop::Expr value = build({index, loop::load(first, index), loop::load(second, index)});
  const loop::Stmt lanes =
      loop::loop(loop::LoopKind::vector, lane, loop::integer(0), loop::integer(kLanes),
                 loop::store(values, index, value), loop::integer(size) - loop::variable(block) * kLanes);
  loop::Kernel kernel{.name = "words", .arguments = {first, second, values}};
  kernel.parts = {loop::loop(loop::LoopKind::parallel, block, loop::integer(0),
                             loop::integer((size + kLanes - 1) / kLanes), lanes)};
  loop::verify(kernel);
  return kernel;
}

// Arguments that are written are outputs.
loop::Program program_of(const loop::Kernel& kernel) {
  loop::Program program{.name = "words"};
  loop::Step step;
  for (const loop::BufferRef& argument : kernel.arguments) {
    auto& signature = argument->written ? program.outputs : program.inputs;
    loop::Slot slot{.kind = argument->written ? loop::Slot::Kind::output : loop::Slot::Kind::input,
                    .name = argument->name,
                    .type = argument->type,
                    .elements = argument->size,
                    .ordinal = static_cast<int64_t>(signature.size())};
    step.arguments.push_back({.slot = program.slots.size()});
    signature.push_back({argument->name, {}});
    program.slots.push_back(std::move(slot));
  }
  program.kernels.push_back(kernel);
  program.steps.push_back(step);
  return program;
}

}  // namespace

void run(const Build& build, loop::Type type, const Words& words, void* values, const Seed& seed) {
  const auto size = static_cast<int64_t>(words.first.size());
  const loop::Program program = program_of(kernel_of(build, type, size));
  runtime::DiskCache no_cache("");
  cpu::Image image = cpu::compile(program, cpu::host(), no_cache);
  image.mode = runtime::kKeepDenormals;
  const auto executable = cpu::make_executable(std::move(image), std::make_shared<runtime::ThreadPool>(1));
  const auto context = executable->make_context();
  runtime::HostState state({});
  const std::vector<const void*> inputs = {words.first.data(), words.second.data()};
  const std::vector<void*> outputs = {values};
  executable->run(*context, state,
                  {.inputs = inputs, .outputs = outputs, .seed = seed.seed, .step = seed.step});
}

}  // namespace sinter::math_test
