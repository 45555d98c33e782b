#include "backends/cpu/compile/canonical.h"

#include <bit>
#include <unordered_map>

#include "ir/loop/walk.h"

namespace sinter::cpu {
namespace {

using loop::Expr;
using loop::ExprNode;
using loop::Stmt;

// Numbers variables, buffers and shared expressions in the order in which they first stand.
class Writer {
 public:
  std::string write(const loop::Kernel& kernel) {
    for (const loop::BufferRef& buffer : kernel.arguments) write(buffer);
    for (const Stmt& part : kernel.parts) write(part);
    return std::move(text_);
  }

 private:
  // In few bytes where it is small; no number is the beginning of another.
  void put(uint64_t number) {
    for (; number >= 0x80; number >>= 7) text_ += static_cast<char>(number | 0x80);
    text_ += static_cast<char>(number);
  }
  void put_signed(int64_t number) {
    put(static_cast<uint64_t>(number) << 1 ^ static_cast<uint64_t>(number >> 63));
  }
  template <typename Enum>
  void put_kind(Enum value) {
    put(static_cast<uint64_t>(value));
  }

  // Whether `item` stands here for the first time; writes its number, from 1 on.
  bool is_new(const void* item) {
    const auto [it, inserted] = numbers_.try_emplace(item, numbers_.size() + 1);
    put(it->second);
    return inserted;
  }
  void put_none() { put(0); }

  void write(const loop::BufferRef& buffer) {
    if (!buffer) return put_none();
    if (!is_new(buffer.get())) return;
    put_kind(buffer->type);
    put_signed(buffer->size);
    put_kind(buffer->space);
    put(buffer->written);
    put_signed(buffer->alignment);
  }

  void write(const loop::VariableRef& variable) {
    if (!variable) return put_none();
    if (is_new(variable.get())) put_kind(variable->type);
  }

  void write(const Expr& x) {
    if (!x) return put_none();
    if (!is_new(x.get())) return;
    put_kind(x->kind);
    put_kind(x->type);
    switch (x->kind) {
      case ExprNode::Kind::integer:
        return put_signed(x->integer);
      case ExprNode::Kind::number:
        return put(std::bit_cast<uint64_t>(x->number));
      case ExprNode::Kind::variable:
        return write(x->variable);
      case ExprNode::Kind::context:
        return put_kind(x->context);
      case ExprNode::Kind::load:
        write(x->buffer);
        break;
      case ExprNode::Kind::apply:
        put_kind(x->op);
        break;
      case ExprNode::Kind::cast:
      case ExprNode::Kind::bitcast:
        break;
    }
    put(x->args.size());
    for (const Expr& arg : x->args) write(arg);
  }

  void write(const Stmt& s) {
    put_kind(s->kind);
    put_kind(s->loop_kind);
    put_signed(s->site);
    write(s->variable);
    write(s->buffer);
    for (const Expr* x : loop::expressions(*s)) write(*x);
    put(s->body.size());
    for (const Stmt& child : s->body) write(child);
  }

  std::unordered_map<const void*, size_t> numbers_;
  std::string text_;
};

}  // namespace

std::string canonical_text(const loop::Kernel& kernel) {
  return Writer().write(kernel);
}

}  // namespace sinter::cpu
