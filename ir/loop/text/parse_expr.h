#pragma once

#include <string>
#include <unordered_map>

#include "ir/error.h"
#include "ir/loop/expr.h"
#include "ir/loop/text/lexer.h"

namespace sinter::loop {

// What the names of a text stand for, where it is read.
struct Scope {
  std::unordered_map<std::string, VariableRef> variables;
  std::unordered_map<std::string, BufferRef> buffers;
  // Of one statement.
  std::unordered_map<std::string, Expr> shared;  // "$0"
  int operands = 0;                              // in its expressions: what walks these recurses along them
};

// What `make` gives. Constructors refuse operands of wrong types: then it is the text that is wrong.
auto made(const LineLexer& here, const auto& make) {
  try {
    return make();
  } catch (const InternalError& error) {
    here.fail(error.what());
  }
}

// The longest expression that begins here. Throws GraphError that says where the text is wrong.
Expr parse_expr(LineLexer& lexer, Scope& scope);

Type parse_type(LineLexer& lexer);
Buffer parse_declaration(LineLexer& lexer);  // "acc: f32[4]"
const BufferRef& parse_buffer(LineLexer& lexer, const Scope& scope);

}  // namespace sinter::loop
