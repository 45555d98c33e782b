#include "backends/cpu/ahead/library.h"

#include <fmt/format.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/xxhash.h>

#include <algorithm>

#include "backends/cpu/ahead/c_header.h"
#include "backends/cpu/ahead/emit_library.h"
#include "backends/cpu/compile/codegen.h"
#include "backends/cpu/compile/emit_program.h"
#include "ir/error.h"

namespace sinter::cpu {
namespace {

// What an object file leaves for others to define, in the order of the names.
std::vector<std::string> undefined_symbols(const std::string& object) {
  const auto check = [](llvm::Error error) {
    if (error) throw InternalError("an object file cannot be read: " + llvm::toString(std::move(error)));
  };
  auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "object"));
  check(file.takeError());
  std::vector<std::string> names;
  for (const llvm::object::SymbolRef& symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    check(flags.takeError());
    if ((*flags & llvm::object::SymbolRef::SF_Undefined) == 0) continue;
    auto name = symbol.getName();
    check(name.takeError());
    if (!name->empty()) names.push_back(name->str());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

std::vector<backends::LibraryFile> compile_library(const backends::Library& library, const Machine& machine) {
  check_names(library);
  std::vector<loop::Program> programs;
  for (const backends::Library::Entry& entry : library.entries)
    backends::check_alone(programs.emplace_back(entry.source.lower(machine.target)));

  llvm::LLVMContext context;
  llvm::Module module(library.name, context);
  LibraryEmitter emitter(module, library, programs, machine);
  HeaderFacts facts{.machine = machine.cpu,
                    .thread_bytes = emitter.thread_bytes(),
                    .stack_bytes = emitter.stack_bytes(),
                    .state_bytes = state_bytes(library)};
  for (size_t i = 0; i < programs.size(); ++i) facts.arena_bytes.push_back(emitter.arena_bytes(i));
  facts.interface = llvm::xxh3_64bits(c_header(library, programs, facts));
  emitter.emit_functions(facts.interface);
  verify(module);
  std::string object = CodeGenerator(machine, Sanitizer::none).object(module);
  facts.needs = undefined_symbols(object);
  return {{".o", std::move(object)}, {".h", c_header(library, programs, facts)}};
}

}  // namespace sinter::cpu
