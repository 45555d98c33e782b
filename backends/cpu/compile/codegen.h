#pragma once

#include <string>

#include "ir/loop/target.h"

namespace llvm {
class Module;
}

// From modules to the machine code of this machine.
namespace sinter::cpu {

// This machine, as schedules see it.
loop::Target host_target();

// Runs the passes and gives the bytes of an object file, or the text for an assembler. Changes the module.
std::string compile_to_object(llvm::Module& module);
std::string compile_to_assembly(llvm::Module& module);
std::string print(const llvm::Module& module);

}  // namespace sinter::cpu
