#include <fmt/format.h>

#include "ir/loop/print_expr.h"
#include "ir/loop/stmt.h"

namespace sinter::loop {
namespace {

std::string_view name(LoopKind kind) {
  switch (kind) {
    case LoopKind::serial:
      return "";
    case LoopKind::unrolled:
      return "unrolled ";
    case LoopKind::vector:
      return "vector ";
    case LoopKind::parallel:
      return "parallel ";
    case LoopKind::workgroup:
      return "workgroup ";
    case LoopKind::lane:
      return "lane ";
  }
  return "";
}

class StmtPrinter {
 public:
  void print(const Stmt& stmt) {
    const StmtNode& s = *stmt;
    switch (s.kind) {
      case StmtNode::Kind::block:
        for (const Stmt& child : s.body) print(child);
        return;
      case StmtNode::Kind::loop:
        return print_loop(s);
      case StmtNode::Kind::store:
        return print_store(s);
      case StmtNode::Kind::let: {
        const ExprPrinter text = printer({s.value});
        line(fmt::format("let {}: {} = {}", s.variable->name, loop::name(s.variable->type), text(s.value)));
        return print(s.body[0]);
      }
      case StmtNode::Kind::branch:
        return print_branch(s);
      case StmtNode::Kind::allocate: {
        const std::string_view space = s.buffer->space == Space::shared ? "shared" : "local";
        line(fmt::format("{} {}: {}[{}]", space, s.buffer->name, loop::name(s.buffer->type), s.buffer->size));
        return print(s.body[0]);
      }
      case StmtNode::Kind::fault: {
        const ExprPrinter text = printer({s.condition, s.position, s.value});
        const std::string value = s.value ? ", value " + text(s.value) : "";
        return line(
            fmt::format("fault {} at {}{} if {}", s.site, text(s.position), value, text(s.condition)));
      }
      case StmtNode::Kind::barrier:
        return line("barrier");
      case StmtNode::Kind::prefetch: {
        const ExprPrinter text = printer({s.index});
        return line(fmt::format("prefetch {}[{}]", s.buffer->name, text(s.index)));
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
    ExprPrinter text(roots);
    for (const std::string& definition : text.definitions()) line(definition);
    return text;
  }

  void print_loop(const StmtNode& s) {
    const Expr end = s.begin + s.extent;
    const ExprPrinter text = printer({s.begin, end, s.limit});
    const std::string limit = s.limit ? " limit " + text(s.limit) : "";
    line(fmt::format("{}for {} in {}..{}{}:", name(s.loop_kind), s.variable->name, text(s.begin), text(end),
                     limit));
    print_inside(s.body[0]);
  }

  void print_store(const StmtNode& s) {
    const ExprPrinter text = printer({s.index, s.value, s.condition});
    const std::string condition = s.condition ? " if " + text(s.condition) : "";
    line(fmt::format("{}[{}] = {}{}", s.buffer->name, text(s.index), text(s.value), condition));
  }

  void print_branch(const StmtNode& s) {
    line(fmt::format("if {}:", printer({s.condition})(s.condition)));
    print_inside(s.body[0]);
    if (s.body.size() < 2) return;
    line("else:");
    print_inside(s.body[1]);
  }

  std::string out_;
  size_t indent_ = 0;
};

}  // namespace

std::string print(const Stmt& stmt) {
  StmtPrinter printer;
  printer.print(stmt);
  return printer.take();
}

}  // namespace sinter::loop
