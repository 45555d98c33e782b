#include "backends/cpu/compile/canonical.h"

#include <fmt/format.h>

#include <bit>
#include <iterator>
#include <unordered_map>

namespace sinter::cpu {
namespace {

using loop::Expr;
using loop::ExprNode;
using loop::Stmt;

// Numbers variables, buffers and shared expressions in the order in which they first stand.
class Writer {
 public:
  std::string write(const loop::Kernel& kernel) {
    for (const loop::BufferRef& buffer : kernel.arguments) write(*buffer);
    write(kernel.body);
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  // Whether `item` stands here for the first time; writes its number otherwise.
  bool is_new(char kind, const void* item) {
    const auto [it, inserted] = numbers_.try_emplace(item, numbers_.size());
    put("{}{} ", kind, it->second);
    return inserted;
  }

  void write(const loop::Buffer& buffer) {
    if (!is_new('b', &buffer)) return;
    put("{} {} {} {} {} ", static_cast<int>(buffer.type), buffer.size, static_cast<int>(buffer.space),
        buffer.written, buffer.alignment);
  }

  void write(const loop::VariableRef& variable) {
    if (variable) is_new('v', variable.get());
  }

  void write(const Expr& x) {
    if (!x) return put("- ");
    if (!is_new('e', x.get())) return;
    put("{} {} {} {} {} {} {} (", static_cast<int>(x->kind), static_cast<int>(x->type), x->integer,
        std::bit_cast<uint64_t>(x->number), static_cast<int>(x->op), static_cast<int>(x->context),
        x->args.size());
    write(x->variable);
    if (x->buffer) write(*x->buffer);
    for (const Expr& arg : x->args) write(arg);
    put(")");
  }

  void write(const Stmt& s) {
    put("{} {} {} [", static_cast<int>(s->kind), static_cast<int>(s->loop_kind), s->site);
    write(s->variable);
    if (s->buffer) write(*s->buffer);
    for (const Expr* x :
         {&s->begin, &s->extent, &s->limit, &s->index, &s->value, &s->condition, &s->position})
      write(*x);
    for (const Stmt& child : s->body) write(child);
    put("]\n");
  }

  std::unordered_map<const void*, size_t> numbers_;
  std::string text_;
};

}  // namespace

std::string canonical_text(const loop::Kernel& kernel) {
  return Writer().write(kernel);
}

}  // namespace sinter::cpu
