#include "backends/cpu/compile/compile.h"

#include <fmt/format.h>

#include "backends/backend.h"
#include "backends/cpu/compile/codegen.h"
#include "backends/cpu/compile/emit_program.h"
#include "backends/cpu/compile/jit.h"
#include "backends/cpu/compile/objects.h"
#include "ir/error.h"
#include "runtime/thread_pool.h"

namespace sinter::cpu {
namespace {

// All of a program in one module, to be read.
class WholeProgram {
 public:
  explicit WholeProgram(const loop::Program& program) : module_(program.name, context_) {
    const Pieces pieces = cut(program);
    std::vector<std::string> symbols;
    for (size_t i = 0; i < pieces.pieces.size(); ++i) {
      symbols.push_back(kernel_symbol(i, pieces.pieces[i].kernel));
      emit_piece(module_, pieces.pieces[i], symbols.back());
    }
    emit_entry(module_, program, pieces, symbols);
    verify(module_);
  }

  llvm::Module& module() { return module_; }

 private:
  llvm::LLVMContext context_;
  llvm::Module module_;
};

void check_host(const loop::Target& target) {
  if (const loop::Target host = host_target(); target.description != host.description) {
    throw InternalError(fmt::format("code for '{}' is wanted on '{}'", target.description, host.description));
  }
}

}  // namespace

Image compile(const loop::Program& program, runtime::DiskCache& cache) {
  const Objects objects = make_objects(program, runtime::available_cores(), cache, code_identity());
  LoadedCode loaded = load_objects(objects.files, kEntrySymbol);
  Image image{backends::to_layout(program)};
  image.scratch_bytes = static_cast<size_t>(objects.scratch_bytes);
  image.entry = reinterpret_cast<Entry>(loaded.entry);
  image.code = std::move(loaded.code);
  return image;
}

std::string emit_llvm(const loop::Program& program, const loop::Target& target) {
  check_host(target);
  return print(WholeProgram(program).module());
}

std::string emit_asm(const loop::Program& program, const loop::Target& target) {
  check_host(target);
  return emit_asm(program, host_machine());
}

std::string emit_asm(const loop::Program& program, const Machine& machine) {
  WholeProgram whole(program);
  return CodeGenerator(machine).assembly(whole.module());
}

}  // namespace sinter::cpu
