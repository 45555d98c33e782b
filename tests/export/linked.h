#pragma once

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "backends/registry/registry.h"
#include "frontend/compile/driver.h"
#include "frontend/compile/library.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/safetensors.h"
#include "runtime/thread_pool.h"
#include "tests/export/exports.h"

namespace sinter::test {

// What a function gives, and what is then in the state; or the error it ends with.
struct Answer {
  std::vector<std::string> outputs;
  std::map<std::string, std::string> states;
  bool has_failed = false;
};

inline std::string bytes_of(const runtime::HostTensor& tensor) {
  return {static_cast<const char*>(tensor.raw()), tensor.bytes()};
}

// Functions of a module that were exported and linked into this process.
class Linked {
 public:
  // The folder is that of a test, whose `shell` runs commands there.
  template <typename Shell>
  Linked(const std::string& folder, const graph::Module& module, const std::vector<std::string>& functions,
         const backends::Device& device, uint64_t seed, const Shell& shell)
      : folder_(folder), module_(module) {
    std::vector<ExportedFunction> exported;
    for (const std::string& name : functions) exported.push_back({name + "_", &module, name});
    export_library(folder, "linked", exported, device, {}, {.seed = seed});
    std::string text = "#include \"linked.h\"\n";
    if (!states_of(exported).empty()) {
      text +=
          "void clear(void* state);\nvoid clear(void* state) { linked_clear_state(state); }\n"
          "extern const size_t state_bytes;\nconst size_t state_bytes = LINKED_STATE_BYTES;\n";
    }
    for (const std::string& name : functions) {
      const graph::Function& function = *module.find_function(name);
      std::string arguments;
      for (size_t i = 0; i < function.parameters().size() + function.outputs.size(); ++i)
        arguments += fmt::format(", a[{}]", i);
      const std::string head = fmt::format(
          "int call_{}(void* state, void* arena, linked_parallel_for parallel_for, void* pool, void** a)",
          name);
      text += fmt::format(
          "extern const size_t arena_bytes_{0};\nconst size_t arena_bytes_{0} = LINKED_{1}__ARENA_BYTES(3);\n"
          "{2};\n{2} {{\n  linked_context context = linked_make_context(state, arena, arena_bytes_{0});\n"
          "  context.threads = 3;\n  context.parallel_for = parallel_for;\n  context.pool = pool;\n  "
          "(void)a;\n"
          "  return linked_{0}_(&context{3});\n}}\n",
          name, upper(name), head, arguments);
    }
    runtime::write_file_atomically(folder + "/calls.c", text);
    shell(SINTER_C_COMPILER
          " -std=c11 -Wall -Wextra -Werror -pedantic -fPIC -shared -O0 calls.c linked.o -o linked.so -lm");
    library_ = dlopen((folder + "/linked.so").c_str(), RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library_, nullptr) << dlerror();
  }
  ~Linked() { dlclose(library_); }
  Linked(const Linked&) = delete;
  Linked& operator=(const Linked&) = delete;

  // On a state of zeros, by three threads.
  Answer run(const std::string& name, const std::vector<runtime::HostTensor>& inputs) const {
    const graph::Function& function = *module_.find_function(name);
    std::vector<runtime::HostTensor> outputs;
    std::vector<void*> arguments;
    for (const runtime::HostTensor& input : inputs) arguments.push_back(const_cast<void*>(input.raw()));
    for (const graph::Output& output : function.outputs) {
      const runtime::TensorSpec spec = backends::to_spec("", output.value.type());
      arguments.push_back(outputs.emplace_back(spec.dtype, spec.shape).raw());
    }
    const auto* state_bytes = static_cast<const size_t*>(dlsym(library_, "state_bytes"));
    const runtime::Memory state = runtime::allocate(state_bytes == nullptr ? 0 : *state_bytes);
    if (state_bytes != nullptr) symbol<void (*)(void*)>("clear")(state.get());
    const runtime::Memory arena = runtime::allocate(*symbol<const size_t*>("arena_bytes_" + name));

    runtime::ThreadPool pool(3, 3);
    using Call = int (*)(void*, void*, void (*)(void*, int64_t, int32_t, Body, void*), void*, void**);
    const int status =
        symbol<Call>("call_" + name)(state.get(), arena.get(), parallel_for, &pool, arguments.data());
    Answer answer;
    if ((answer.has_failed = status != 0)) return answer;
    for (const runtime::HostTensor& output : outputs) answer.outputs.push_back(bytes_of(output));
    if (state_bytes == nullptr) return answer;
    const std::string path = folder_ + "/state.safetensors";
    runtime::write_file_atomically(path, {reinterpret_cast<const char*>(state.get()), *state_bytes});
    for (const auto& [state_name, tensor] : runtime::read_safetensors(path).tensors)
      answer.states[state_name] = bytes_of(tensor);
    return answer;
  }

 private:
  using Body = void (*)(void* data, int32_t thread, int64_t begin, int64_t end);

  static std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
    return text;
  }
  static void parallel_for(void* pool, int64_t units, int32_t threads, Body body, void* data) {
    auto& threads_of = *static_cast<runtime::ThreadPool*>(pool);
    threads_of.parallel_for(units, 1, threads, [&](int64_t begin, int64_t end) {
      body(data, threads_of.thread_index(), begin, end);
    });
  }
  template <typename T>
  T symbol(const std::string& name) const {
    void* found = dlsym(library_, name.c_str());
    EXPECT_NE(found, nullptr) << name;
    return reinterpret_cast<T>(found);
  }

  std::string folder_;
  const graph::Module& module_;
  void* library_;
};

// The same just in time.
inline Answer run_here(const backends::Device& device, const graph::Module& module, const std::string& name,
                       const std::vector<runtime::HostTensor>& inputs, uint64_t seed) {
  const auto executable = compile_function(module, name, device);
  const auto context = executable->make_context();
  const auto state = device.make_state(module.states);
  std::vector<const void*> in;
  for (const runtime::HostTensor& input : inputs) in.push_back(input.raw());
  std::vector<runtime::HostTensor> outputs;
  std::vector<void*> out;
  for (const runtime::TensorSpec& spec : executable->outputs())
    out.push_back(outputs.emplace_back(spec.dtype, spec.shape).raw());
  Answer answer;
  try {
    executable->run(*context, *state, {in, out, seed, 0});
  } catch (const RuntimeError&) {
    answer.has_failed = true;
    return answer;
  }
  for (const runtime::HostTensor& output : outputs) answer.outputs.push_back(bytes_of(output));
  for (const graph::State& each : module.states) answer.states[each.name] = bytes_of(state->get(each.name));
  return answer;
}

}  // namespace sinter::test
