#pragma once

#include <llvm/IR/Module.h>

#include <string>
#include <vector>

#include "backends/cpu/compile/pieces.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"

// LLVM IR for the pieces of a program and for what runs them.
namespace sinter::cpu {

constexpr const char* kEntrySymbol = "entry";

// "kernel3.contract_relu_at_encoder.0"
std::string kernel_symbol(size_t number, const loop::Kernel& kernel);

// A cpu::Kernel called `symbol`, whose array of arguments holds the piece's. Gives the bytes of scratch
// memory that it needs of each thread.
int64_t emit_piece(llvm::Module& module, const Piece& piece, const std::string& symbol,
                   const loop::Target& target);

// A cpu::Entry called kEntrySymbol, which runs the steps in order; `symbols` are those of the pieces.
void emit_entry(llvm::Module& module, const loop::Program& program, const Pieces& pieces,
                const std::vector<std::string>& symbols);

// Throws InternalError where the code is not valid.
void verify(const llvm::Module& module);

}  // namespace sinter::cpu
