#include "ir/loop/text/parse_stmt.h"

#include <fmt/format.h>

#include "ir/loop/text/words.h"

namespace sinter::loop {
namespace {

// What walks statements recurses along them.
constexpr int kDeepestStmt = 2000;

// For as long as it lives, `name` is `item`.
template <typename Item>
class Binding {
 public:
  Binding(std::unordered_map<std::string, Item>& names, const std::string& name, Item item)
      : names_(names), name_(name), before_(names[name]) {
    names_[name_] = std::move(item);
  }
  ~Binding() {
    if (before_) {
      names_[name_] = before_;
    } else {
      names_.erase(name_);
    }
  }
  Binding(const Binding&) = delete;
  Binding& operator=(const Binding&) = delete;

 private:
  std::unordered_map<std::string, Item>& names_;
  std::string name_;
  Item before_;
};

}  // namespace

void StmtParser::end_line(LineLexer& lexer) {
  lexer.expect_end();
  ++at_;
}

Stmt StmtParser::inside(size_t indent) {
  while (at_ < lines_.size() && lines_[at_].indent > indent && is_comment()) ++at_;
  if (at_ == lines_.size() || lines_[at_].indent <= indent)
    LineLexer(lines_[at_ - 1], file_)
        .fail("what stands below this line is not indented; 'pass' stands for nothing");
  return block(lines_[at_].indent);
}

Stmt StmtParser::block(size_t indent) {
  if (++depth_ > kDeepestStmt && at_ < lines_.size())
    lexer().fail(fmt::format("more than {} statements inside one another", kDeepestStmt));
  std::vector<Stmt> body;
  for (; at_ < lines_.size() && lines_[at_].indent >= indent;) {
    if (is_comment()) {
      ++at_;
      continue;
    }
    if (lines_[at_].indent > indent)
      lexer().fail("this line is indented, and the one before does not end in ':'");
    body.push_back(statement(indent));
  }
  --depth_;
  return loop::block(std::move(body));
}

Stmt StmtParser::statement(size_t indent) {
  scope_.shared.clear();
  scope_.operands = 0;
  for (; lexer().peek().kind == TokenKind::shared;) {
    LineLexer definition = lexer();
    const std::string name(definition.next().text);
    definition.expect("=");
    const Expr value = expression(definition);
    scope_.shared[name] = value;
    end_line(definition);
    if (at_ == lines_.size()) definition.fail("nothing uses this line");
  }
  LineLexer lexer = this->lexer();
  for (const LoopKind kind :
       {LoopKind::unrolled, LoopKind::vector, LoopKind::parallel, LoopKind::workgroup, LoopKind::lane})
    if (lexer.takes(name(kind))) return loop_over(lexer, kind, indent);
  if (lexer.peek().text == "for") return loop_over(lexer, LoopKind::serial, indent);
  if (lexer.takes("let")) return let_in(lexer, indent);
  if (lexer.takes("local")) return allocation(lexer, Space::local, indent);
  if (lexer.takes("shared")) return allocation(lexer, Space::shared, indent);
  if (lexer.takes("if")) return branch_on(lexer, indent);
  if (lexer.takes("fault")) return fault_at(lexer);
  if (lexer.takes("prefetch")) return prefetch_of(lexer);
  if (lexer.takes("pass")) return end_line(lexer), loop::block({});
  if (lexer.takes("barrier")) return barrier_of(lexer);
  if (lexer.takes("scope")) {
    lexer.expect(":");
    end_line(lexer);
    return inside(indent);
  }
  return store_to(lexer);
}

Stmt StmtParser::loop_over(LineLexer& lexer, LoopKind kind, size_t indent) {
  lexer.expect("for");
  const LineLexer here = lexer;
  const std::string name = lexer.word("the name of the loop's variable");
  lexer.expect("in");
  Expr begin = expression(lexer);
  if (!lexer.takes("..+")) {
    if (as_integer(begin) != 0) lexer.fail("expected '..+' and how often the loop runs; '..' follows 0");
    lexer.expect("..");
  }
  const Expr extent = expression(lexer);
  const Expr limit = lexer.takes("limit") ? expression(lexer) : nullptr;
  lexer.expect(":");
  end_line(lexer);
  const VariableRef variable = make_variable(name);
  const Binding bound(scope_.variables, name, variable);
  const Stmt body = inside(indent);
  return made(here, [&] { return loop::loop(kind, variable, begin, extent, body, limit); });
}

Stmt StmtParser::let_in(LineLexer& lexer, size_t indent) {
  const LineLexer here = lexer;
  const std::string name = lexer.word("the name of what is bound");
  lexer.expect(":");
  const VariableRef variable = make_variable(name, parse_type(lexer));
  lexer.expect("=");
  const Expr value = expression(lexer);
  if (value->type != variable->type)
    here.fail(
        fmt::format("{} is {}, and its value {}", name, loop::name(variable->type), loop::name(value->type)));
  end_line(lexer);
  const Binding bound(scope_.variables, name, variable);
  const Stmt body = block(indent);
  return let(variable, value, body);
}

Stmt StmtParser::allocation(LineLexer& lexer, Space space, size_t indent) {
  Buffer buffer = parse_declaration(lexer);
  buffer.space = space;
  end_line(lexer);
  const auto allocated = std::make_shared<const Buffer>(buffer);
  const Binding bound(scope_.buffers, buffer.name, BufferRef(allocated));
  return allocate(allocated, block(indent));
}

Stmt StmtParser::branch_on(LineLexer& lexer, size_t indent) {
  const LineLexer here = lexer;
  const Expr condition = expression(lexer);
  lexer.expect(":");
  end_line(lexer);
  const Stmt then = inside(indent);
  Stmt otherwise;
  if (at_ < lines_.size() && lines_[at_].indent == indent && lines_[at_].text == "else:") {
    ++at_;
    otherwise = inside(indent);
  }
  return made(here, [&] { return branch(condition, then, otherwise); });
}

Stmt StmtParser::fault_at(LineLexer& lexer) {
  const LineLexer here = lexer;
  const int64_t site = lexer.integer("the number of a check");
  lexer.expect("at");
  const Expr position = expression(lexer);
  Expr value;
  if (lexer.takes(",")) {
    lexer.expect("value");
    value = expression(lexer);
  }
  lexer.expect("if");
  const Expr condition = expression(lexer);
  end_line(lexer);
  return made(here, [&] { return fault(condition, site, position, value); });
}

std::pair<BufferRef, Expr> StmtParser::place(LineLexer& lexer) {
  BufferRef buffer = parse_buffer(lexer, scope_);
  lexer.expect("[");
  Expr index = expression(lexer);
  lexer.expect("]");
  return {std::move(buffer), std::move(index)};
}

Stmt StmtParser::barrier_of(LineLexer& lexer) {
  const int64_t lanes = lexer.takes("of") ? lexer.integer("how many lanes wait for one another") : 0;
  end_line(lexer);
  return lanes == 0 ? barrier() : subgroup_barrier(lanes);
}

Stmt StmtParser::prefetch_of(LineLexer& lexer) {
  const LineLexer here = lexer;
  const auto [buffer, index] = place(lexer);
  end_line(lexer);
  return made(here, [&] { return prefetch(buffer, index); });
}

Stmt StmtParser::store_to(LineLexer& lexer) {
  const LineLexer here = lexer;
  const auto [buffer, index] = place(lexer);
  lexer.expect("=");
  const Expr value = expression(lexer);
  const Expr condition = lexer.takes("if") ? expression(lexer) : nullptr;
  end_line(lexer);
  return made(here, [&] { return store(buffer, index, value, condition); });
}

}  // namespace sinter::loop
