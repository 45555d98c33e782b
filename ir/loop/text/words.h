#pragma once

#include <array>
#include <string_view>

#include "ir/loop/expr.h"
#include "ir/loop/stmt.h"

// The words of the text form of loops.
namespace sinter::loop {

bool begins_word(char c);  // of a variable or a buffer
bool is_of_word(char c);
bool is_of_name(char c);  // of a kernel or a slot: "contract+add", "blocks.0.weight"

// "i32", "min", "step": neither a variable nor a buffer is called so.
bool means_something_in_expressions(std::string_view word);
// "for", "local", or "out" of a parameter: no buffer is called so, whose name begins a store.
bool begins_line(std::string_view word);

std::string_view name(LoopKind kind);  // "" for serial
std::string_view name(ContextValue value);

// An operator between two operands; those that bind tighter have higher precedences.
struct Infix {
  std::string_view text;
  int precedence = 0;  // 0: it is written as a call
};
constexpr int kLoosest = 1, kSum = 4, kUnary = 6;

Infix infix(ScalarOp op, Type operand);
inline constexpr std::array kContextValues = {ContextValue::seed_low, ContextValue::seed_high,
                                              ContextValue::step};
inline constexpr std::array kTypes = {Type::boolean, Type::i32, Type::i64, Type::f32, Type::f64, Type::index};
constexpr ScalarOp kLastScalarOp = ScalarOp::subgroup_sum;

}  // namespace sinter::loop
