#pragma once

#include <memory>
#include <string>

#include "backends/cpu/compile/machine.h"
#include "backends/cpu/compile/sanitize.h"

namespace llvm {
class Module;
class TargetMachine;
enum class CodeGenFileType;
}  // namespace llvm

// From modules to machine code.
namespace sinter::cpu {

// Compiles one module after another; a thread needs one of its own.
class CodeGenerator {
 public:
  // `sanitizer`: what watches the code.
  explicit CodeGenerator(const Machine& machine, Sanitizer sanitizer = kSanitizer);
  ~CodeGenerator();

  // Runs the passes and gives the bytes of an object file, or the text for an assembler. Changes the module.
  std::string object(llvm::Module& module);
  std::string assembly(llvm::Module& module);

 private:
  class Passes;  // to one kind of file: made once, run on each module

  std::unique_ptr<llvm::TargetMachine> machine_;
  Sanitizer sanitizer_;
  std::unique_ptr<Passes> to_object_, to_assembly_;
};

std::string print(const llvm::Module& module);

}  // namespace sinter::cpu
