#include "ir/loop/text/print_stmt.h"

#include <fmt/format.h>

#include "ir/loop/text/print_expr.h"
#include "ir/loop/text/words.h"

namespace sinter::loop {
namespace {

class StmtPrinter {
 public:
  explicit StmtPrinter(Names& names) : names_(names) {}

  void print(const Stmt& stmt) {
    const StmtNode& s = *stmt;
    switch (s.kind) {
      case StmtNode::Kind::block:
        return print_block(s);
      case StmtNode::Kind::loop:
        return print_loop(s);
      case StmtNode::Kind::store:
        return print_store(s);
      case StmtNode::Kind::let:
        return print_let(s);
      case StmtNode::Kind::branch:
        return print_branch(s);
      case StmtNode::Kind::allocate:
        return print_allocate(s);
      case StmtNode::Kind::fault: {
        const ExprPrinter text = printer({s.condition, s.position, s.value});
        const std::string value = s.value ? ", value " + text(s.value) : "";
        return line(
            fmt::format("fault {} at {}{} if {}", s.site, text(s.position), value, text(s.condition)));
      }
      case StmtNode::Kind::barrier:
        return line(s.lanes == 0 ? "barrier" : fmt::format("barrier of {}", s.lanes));
      case StmtNode::Kind::prefetch: {
        const ExprPrinter text = printer({s.index});
        return line(fmt::format("prefetch {}[{}]", names_.of(s.buffer), text(s.index)));
      }
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void line(const std::string& text) { out_ += std::string(indent_, ' ') + text + "\n"; }

  void print_inside(const Stmt& stmt) {
    indent_ += 2;
    const size_t before = out_.size();
    print(stmt);
    if (out_.size() == before) line("pass");
    indent_ -= 2;
  }

  // For the expressions of one statement; what they share stands in lines before it.
  ExprPrinter printer(const std::vector<Expr>& roots) {
    ExprPrinter text(roots, names_);
    for (const std::string& definition : text.definitions()) line(definition);
    return text;
  }

  // What is bound or allocated is known to the end of its block, so that one that ends before has a block of
  // its own.
  void print_block(const StmtNode& s) {
    for (const Stmt& child : s.body) {
      const bool binds = child->kind == StmtNode::Kind::let || child->kind == StmtNode::Kind::allocate;
      if (!binds || child == s.body.back()) {
        print(child);
        continue;
      }
      line("scope:");
      print_inside(child);
    }
  }

  void print_loop(const StmtNode& s) {
    const ExprPrinter text = printer({s.begin, s.extent, s.limit});
    const bool from_zero = as_integer(s.begin) == 0;
    const std::string range = from_zero ? fmt::format("0..{}", text(s.extent))
                                        : fmt::format("{}..+{}", text(s.begin), text(s.extent));
    const std::string limit = s.limit ? " limit " + text(s.limit) : "";
    names_.bind(s.variable);
    const std::string_view kind = name(s.loop_kind);
    line(fmt::format("{}{}for {} in {}{}:", kind, kind.empty() ? "" : " ", names_.of(s.variable), range,
                     limit));
    print_inside(s.body[0]);
    names_.release(s.variable);
  }

  void print_let(const StmtNode& s) {
    const ExprPrinter text = printer({s.value});
    const std::string value = text(s.value);
    names_.bind(s.variable);
    line(fmt::format("let {}: {} = {}", names_.of(s.variable), loop::name(s.variable->type), value));
    print_to_end(s.body[0]);
    names_.release(s.variable);
  }

  void print_allocate(const StmtNode& s) {
    names_.bind(s.buffer);
    const std::string_view space = s.buffer->space == Space::shared ? "shared" : "local";
    line(
        fmt::format("{} {}: {}[{}]", space, names_.of(s.buffer), loop::name(s.buffer->type), s.buffer->size));
    print_to_end(s.body[0]);
    names_.release(s.buffer);
  }

  void print_to_end(const Stmt& body) {
    const size_t before = out_.size();
    print(body);
    if (out_.size() == before) line("pass");
  }

  void print_store(const StmtNode& s) {
    const ExprPrinter text = printer({s.index, s.value, s.condition});
    const std::string condition = s.condition ? " if " + text(s.condition) : "";
    line(fmt::format("{}[{}] = {}{}", names_.of(s.buffer), text(s.index), text(s.value), condition));
  }

  void print_branch(const StmtNode& s) {
    line(fmt::format("if {}:", printer({s.condition})(s.condition)));
    print_inside(s.body[0]);
    if (s.body.size() < 2) return;
    line("else:");
    print_inside(s.body[1]);
  }

  Names& names_;
  std::string out_;
  size_t indent_ = 0;
};

}  // namespace

std::string print(const Stmt& stmt, Names& names) {
  StmtPrinter printer(names);
  printer.print(stmt);
  return printer.take();
}

std::string print(const Stmt& stmt) {
  Names names;
  return print(stmt, names);
}

}  // namespace sinter::loop
