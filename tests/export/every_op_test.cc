#include <fmt/format.h>
#include <gmock/gmock.h>

#include "backends/registry/registry.h"
#include "frontend/compile/library.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "tests/export/exports.h"
#include "tests/support/run_on.h"

// Every op, exported, against the same code in the process.
namespace sinter::test {
namespace {

using runtime::DType;
using runtime::HostTensor;

// tests/ir/every_op.sg, whose functions give all that they compute; but for one that others run.
graph::Module every_op() {
  graph::Module module = graph::parse(runtime::read_file(SINTER_SOURCE_DIR "/tests/ir/every_op.sg"));
  for (const auto& function : module.functions) {
    if (function->name() == "body") continue;
    function->outputs.clear();
    for (const auto& op : function->ops()) {
      if (op->code == graph::OpCode::parameter) continue;
      for (size_t i = 0; i < op->results.size(); ++i) {
        function->outputs.push_back(
            {fmt::format("o{}", function->outputs.size()), op->result(static_cast<int>(i))});
      }
    }
  }
  graph::verify(module);
  return module;
}

HostTensor drawn(const runtime::TensorSpec& spec, uint32_t& number) {
  HostTensor tensor(spec.dtype, spec.shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    number = number * 1664525u + 1013904223u;
    switch (spec.dtype) {
      case DType::f32:
        tensor.data<float>()[i] = static_cast<float>(number >> 8) * 0x1p-22f - 2;
        break;
      case DType::i32:
        tensor.data<int32_t>()[i] = static_cast<int32_t>(number >> 31);
        break;
      case DType::i64:
        tensor.data<int64_t>()[i] = static_cast<int64_t>(number >> 31);
        break;
      case DType::boolean:
        tensor.data<bool>()[i] = number >> 31 != 0;
        break;
      default:
        ADD_FAILURE() << "no such input";
    }
  }
  return tensor;
}

// A program that calls each function with what lies in its files, and leaves there what it gives.
std::string caller(const graph::Module& module, const std::vector<std::string>& functions) {
  std::string text =
      "#include \"caller.h\"\n#include \"every.h\"\n\nint main(void) {\n"
      "  void* state = memory(EVERY_STATE_BYTES);\n  void* arena = memory(EVERY_ARENA_BYTES(3));\n";
  for (const std::string& name : functions) {
    const graph::Function& function = *module.find_function(name);
    std::string arguments, reads, writes;
    size_t count = 0;
    const auto add = [&](std::string& files, const char* call, const char* kind, size_t i,
                         const graph::TensorType& type) {
      text += fmt::format("  void* m{} = memory({});\n", count, type.bytes());
      files += fmt::format("  {}(\"{}.{}{}\", m{}, {});\n", call, name, kind, i, count, type.bytes());
      arguments += fmt::format(", m{}", count++);
    };
    text += "  {\n  every_context context = every_make_context(state, arena, EVERY_ARENA_BYTES(3));\n";
    for (size_t i = 0; i < function.parameters().size(); ++i)
      add(reads, "read_bytes", "in", i, function.parameters()[i]->results[0]);
    for (size_t i = 0; i < function.outputs.size(); ++i)
      add(writes, "write_bytes", "out", i, function.outputs[i].value.type());
    text += fmt::format(
        "  context.threads = 3;\n  context.parallel_for = parallel_for;\n"
        "  every_clear_state(state);\n{0}"
        "  if (every_{1}(&context{2}) != EVERY_OK) fail(\"{1}\");\n{3}  }}\n",
        reads, name, arguments, writes);
  }
  return text + "  return 0;\n}\n";
}

using EveryOp = ExportTest;

constexpr uint64_t kSeed = 11;

TEST_F(EveryOp, GivesTheSameBits) {
  const graph::Module module = every_op();
  std::vector<ExportedFunction> exported;
  std::vector<std::string> names;
  for (const auto& function : module.functions) {
    names.push_back(function->name());
    if (names.back() == "body") names.back() = "inner";
    exported.push_back({names.back(), &module, function->name()});
  }
  std::erase(names, "inner");
  const auto device = backends::open_device("cpu", 3);
  export_library(path(""), "every", exported, *device, {}, {.seed = kSeed});
  write("caller.c", caller(module, names));

  uint32_t number = 1;
  std::map<std::string, std::vector<HostTensor>> inputs;
  for (const std::string& name : names) {
    for (const auto& parameter : module.find_function(name)->parameters()) {
      std::vector<HostTensor>& all = inputs[name];
      all.push_back(drawn(backends::to_spec("", parameter->results[0]), number));
      write(fmt::format("{}.in{}", name, all.size() - 1),
            {static_cast<const char*>(all.back().raw()), all.back().bytes()});
    }
  }
  shell(SINTER_C_COMPILER " -std=c11 -Wall -Wextra -Werror -pedantic -O1 -pthread -I. -I" SINTER_SOURCE_DIR
                          "/tests/export caller.c every.o -o caller -lm && ./caller");
  for (const std::string& name : names) {
    const std::vector<HostTensor> right = run_on("cpu", module, name, inputs[name], {}, 3, kSeed);
    for (size_t i = 0; i < right.size(); ++i) {
      const std::string expected(static_cast<const char*>(right[i].raw()), right[i].bytes());
      EXPECT_TRUE(bytes(fmt::format("{}.out{}", name, i)) == expected) << name << ", result " << i;
    }
  }
  const std::vector<std::string> open = symbols("every.o", "undefined-only");
  for (const std::string& symbol : open) EXPECT_THAT(bytes("every.h"), testing::HasSubstr(symbol));
}

}  // namespace
}  // namespace sinter::test
