#pragma once

#include <llvm/IR/Module.h>

#include <string>
#include <vector>

#include "backends/cpu/compile/pieces.h"
#include "backends/cpu/compile/values.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"

// LLVM IR for the pieces of a program and for what runs them.
namespace sinter::cpu {

constexpr const char* kEntrySymbol = "entry";

// Types of a cpu::Kernel and of Context::parallel_for.
llvm::FunctionType* kernel_type(llvm::LLVMContext& context);
llvm::FunctionType* parallel_for_type(llvm::LLVMContext& context);

// "kernel3.contract_relu_at_encoder.0"
std::string kernel_symbol(size_t number, const loop::Kernel& kernel);

// A cpu::Kernel called `symbol`, whose array of arguments holds the piece's. Gives the bytes of scratch
// memory that it needs of each thread.
int64_t emit_piece(llvm::Module& module, const Piece& piece, const std::string& symbol,
                   const loop::Target& target);

// Of a launch of these steps: addresses that the entry has on its stack.
uint64_t most_arguments(const std::vector<loop::Step>& steps, const Pieces& pieces);

// A cpu::Entry called `symbol`, which runs the steps in order; `symbols` are those of the pieces.
llvm::Function* emit_entry(llvm::Module& module, const loop::Program& program, const Pieces& pieces,
                           const std::vector<std::string>& symbols, const std::string& symbol = kEntrySymbol);

// A function (addresses, starts, table, count): addresses[i] becomes starts[table[2 i]] and table[2 i + 1]
// bytes. Made where the module has none.
llvm::Function* address_placer(llvm::Module& module);
// Calls it with this table.
void emit_places(Builder& builder, llvm::Value* addresses, llvm::Value* starts,
                 const std::vector<llvm::Constant*>& table);

// Throws InternalError where the code is not valid.
void verify(const llvm::Module& module);

}  // namespace sinter::cpu
