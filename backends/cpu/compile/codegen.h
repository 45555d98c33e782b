#pragma once

#include <memory>
#include <string>

#include "ir/loop/target.h"

namespace llvm {
class Module;
class TargetMachine;
enum class CodeGenFileType;
}  // namespace llvm

// From modules to the machine code of this machine.
namespace sinter::cpu {

// This machine, as schedules see it.
loop::Target host_target();

// All that machine code depends on besides the module: LLVM's version, this machine's kind.
std::string code_identity();

// Compiles one module after another; a thread needs one of its own.
class CodeGenerator {
 public:
  CodeGenerator();
  ~CodeGenerator();

  // Runs the passes and gives the bytes of an object file, or the text for an assembler. Changes the module.
  std::string object(llvm::Module& module);
  std::string assembly(llvm::Module& module);

 private:
  std::string run(llvm::Module& module, llvm::CodeGenFileType type);

  std::unique_ptr<llvm::TargetMachine> machine_;
};

std::string print(const llvm::Module& module);

}  // namespace sinter::cpu
