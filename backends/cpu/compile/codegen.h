#pragma once

#include <memory>
#include <string>

#include "ir/loop/target.h"

namespace llvm {
class Module;
class TargetMachine;
enum class CodeGenFileType;
}  // namespace llvm

// From modules to machine code.
namespace sinter::cpu {

// This machine, as schedules see it.
loop::Target host_target();

// A kind of machine, as LLVM calls it.
struct Machine {
  std::string triple;
  std::string kind;
  std::string features;
};
Machine host_machine();

// All that machine code depends on besides the module: LLVM's version, this machine's kind.
std::string code_identity();

// Compiles one module after another; a thread needs one of its own.
class CodeGenerator {
 public:
  explicit CodeGenerator(const Machine& machine = host_machine());
  ~CodeGenerator();

  // Runs the passes and gives the bytes of an object file, or the text for an assembler. Changes the module.
  std::string object(llvm::Module& module);
  std::string assembly(llvm::Module& module);

 private:
  class Passes;  // to one kind of file: made once, run on each module

  std::unique_ptr<llvm::TargetMachine> machine_;
  std::unique_ptr<Passes> to_object_, to_assembly_;
};

std::string print(const llvm::Module& module);

}  // namespace sinter::cpu
