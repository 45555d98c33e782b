#pragma once

#include <utility>

#include "ir/loop/stmt.h"
#include "ir/loop/text/parse_expr.h"

namespace sinter::loop {

// Reads statements, line by line.
class StmtParser {
 public:
  StmtParser(const std::vector<Line>& lines, size_t& at, std::string_view file, Scope scope)
      : lines_(lines), at_(at), file_(file), scope_(std::move(scope)) {}

  // The lines that belong to the one before, which is indented by `indent`.
  Stmt inside(size_t indent);

 private:
  Stmt block(size_t indent);
  Stmt statement(size_t indent);
  Stmt loop_over(LineLexer& lexer, LoopKind kind, size_t indent);
  Stmt let_in(LineLexer& lexer, size_t indent);
  Stmt allocation(LineLexer& lexer, Space space, size_t indent);
  Stmt branch_on(LineLexer& lexer, size_t indent);
  Stmt fault_at(LineLexer& lexer);
  std::pair<BufferRef, Expr> place(LineLexer& lexer);  // "buffer[index]"
  Stmt prefetch_of(LineLexer& lexer);
  Stmt barrier_of(LineLexer& lexer);
  Stmt store_to(LineLexer& lexer);

  Expr expression(LineLexer& lexer) { return parse_expr(lexer, scope_); }
  LineLexer lexer() const { return LineLexer(lines_[at_], file_); }
  void end_line(LineLexer& lexer);
  bool is_comment() const { return lines_[at_].text.starts_with("//"); }

  const std::vector<Line>& lines_;
  size_t& at_;
  std::string_view file_;
  Scope scope_;
  int depth_ = 0;
};

}  // namespace sinter::loop
