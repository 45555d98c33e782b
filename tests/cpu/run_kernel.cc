#include "tests/cpu/run_kernel.h"

#include "backends/cpu/run/executable.h"

namespace sinter::cpu::test {

loop::BufferRef KernelBuilder::argument(Type type, int64_t size, bool written) {
  auto buffer = std::make_shared<loop::Buffer>();
  buffer->name = "b" + std::to_string(kernel.arguments.size());
  buffer->type = type;
  buffer->size = size;
  buffer->written = written;
  kernel.arguments.push_back(buffer);
  return buffer;
}

loop::BufferRef local(Type type, int64_t size) {
  auto buffer = std::make_shared<loop::Buffer>();
  buffer->name = "local";
  buffer->type = type;
  buffer->size = size;
  buffer->space = loop::Space::local;
  return buffer;
}

namespace {

Stmt make_loop(LoopKind kind, const Expr& begin, const Expr& extent, const LoopBody& body,
               const Expr& limit = nullptr) {
  const loop::VariableRef variable = loop::make_variable("i");
  return loop::loop(kind, variable, begin, extent, body(loop::variable(variable)), limit);
}

}  // namespace

Stmt serial(Expr begin, Expr extent, const LoopBody& body) {
  return make_loop(LoopKind::serial, begin, extent, body);
}
Stmt serial(int64_t extent, const LoopBody& body) {
  return serial(loop::integer(0), loop::integer(extent), body);
}
Stmt unrolled(int64_t extent, const LoopBody& body) {
  return make_loop(LoopKind::unrolled, loop::integer(0), loop::integer(extent), body);
}
Stmt parallel(int64_t extent, const LoopBody& body) {
  return make_loop(LoopKind::parallel, loop::integer(0), loop::integer(extent), body);
}
Stmt vector(int64_t lanes, const LoopBody& body) {
  return make_loop(LoopKind::vector, loop::integer(0), loop::integer(lanes), body);
}
Stmt vector_until(Expr begin, int64_t lanes, Expr limit, const LoopBody& body) {
  return make_loop(LoopKind::vector, begin, loop::integer(lanes), body, limit);
}

loop::Program program_of(const loop::Kernel& kernel) {
  loop::verify(kernel);
  loop::Program program;
  program.name = "test";
  loop::Step step;
  for (size_t i = 0; i < kernel.arguments.size(); ++i) {
    const loop::Buffer& buffer = *kernel.arguments[i];
    auto& signature = buffer.written ? program.outputs : program.inputs;
    loop::Slot slot;
    slot.kind = buffer.written ? loop::Slot::Kind::output : loop::Slot::Kind::input;
    slot.name = buffer.name;
    slot.type = buffer.type;
    slot.elements = buffer.size;
    slot.ordinal = static_cast<int64_t>(signature.size());
    signature.push_back({buffer.name, {}});
    program.slots.push_back(slot);
    step.arguments.push_back({i, 0, {}});
  }
  program.kernels.push_back(kernel);
  program.steps.push_back(step);
  return program;
}

void run(const loop::Program& program, const std::vector<const void*>& inputs,
         const std::vector<void*>& outputs, runtime::StateStore& state, const RunOptions& options) {
  const auto pool = std::make_shared<runtime::ThreadPool>(options.threads);
  runtime::DiskCache no_cache("");
  Image image = compile(program, host(), no_cache);
  if (options.keep_denormals) image.mode = runtime::kKeepDenormals;
  const auto executable = make_executable(std::move(image), pool);
  const auto context = executable->make_context();
  executable->run(*context, state, {inputs, outputs, options.seed, options.step});
}

void run(const loop::Kernel& kernel, const std::vector<void*>& arguments, const RunOptions& options) {
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (kernel.arguments[i]->written) {
      outputs.push_back(arguments[i]);
    } else {
      inputs.push_back(arguments[i]);
    }
  }
  runtime::HostState state({});
  run(program_of(kernel), inputs, outputs, state, options);
}

}  // namespace sinter::cpu::test
