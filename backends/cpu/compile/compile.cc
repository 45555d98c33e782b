#include "backends/cpu/compile/compile.h"

#include <fmt/format.h>

#include "backends/backend.h"
#include "backends/code_version.h"
#include "backends/cpu/compile/codegen.h"
#include "backends/cpu/compile/emit_program.h"
#include "backends/cpu/compile/image_bytes.h"
#include "backends/cpu/compile/jit.h"
#include "backends/cpu/compile/objects.h"
#include "runtime/thread_pool.h"

namespace sinter::cpu {
namespace {

// All of a program in one module, to be read.
class WholeProgram {
 public:
  WholeProgram(const loop::Program& program, const loop::Target& target) : module_(program.name, context_) {
    const Pieces pieces = cut(program);
    std::vector<std::string> symbols;
    for (size_t i = 0; i < pieces.pieces.size(); ++i) {
      symbols.push_back(kernel_symbol(i, pieces.pieces[i].kernel));
      emit_piece(module_, pieces.pieces[i], symbols.back(), target);
    }
    emit_entry(module_, program, pieces, symbols);
    verify(module_);
  }

  llvm::Module& module() { return module_; }

 private:
  llvm::LLVMContext context_;
  llvm::Module module_;
};

UnloadedImage make_unloaded(const loop::Program& program, const Machine& machine, runtime::DiskCache& cache) {
  Objects objects = make_objects(program, machine, runtime::available_cores(), cache);
  return {backends::to_layout(program), backends::to_meetings(program), objects.scratch_bytes,
          std::move(objects.files)};
}

Image load(UnloadedImage unloaded) {
  LoadedCode loaded = load_objects(unloaded.files, kEntrySymbol);
  Image image{std::move(unloaded.layout), std::move(unloaded.meetings)};
  image.scratch_bytes = static_cast<size_t>(unloaded.scratch_bytes);
  image.entry = reinterpret_cast<Entry>(loaded.entry);
  image.code = std::move(loaded.code);
  return image;
}

}  // namespace

Image compile(const backends::Source& source, const Machine& machine, runtime::DiskCache& cache) {
  if (!source.identity) return compile(source.lower(machine.target), machine, cache);
  check_runs_here(machine);
  const std::string key =
      fmt::format("image\n{}\n{}\n{}\n{}", backends::kLibraryVersion, code_identity(machine),
                  loop::identity(machine.target), source.identity());
  if (const auto bytes = cache.get(key)) {
    if (auto found = from_bytes(*bytes)) return load(std::move(*found));
  }
  UnloadedImage made = make_unloaded(source.lower(machine.target), machine, cache);
  cache.put(key, to_bytes(made));
  return load(std::move(made));
}

Image compile(const loop::Program& program, const Machine& machine, runtime::DiskCache& cache) {
  check_runs_here(machine);
  return load(make_unloaded(program, machine, cache));
}

std::string emit_llvm(const loop::Program& program, const Machine& machine) {
  return print(WholeProgram(program, machine.target).module());
}

std::string emit_asm(const loop::Program& program, const Machine& machine) {
  WholeProgram whole(program, machine.target);
  return CodeGenerator(machine).assembly(whole.module());
}

}  // namespace sinter::cpu
