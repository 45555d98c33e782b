#include "backends/cpu/compile/pieces.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "backends/cpu/compile/canonical.h"
#include "backends/cpu/compile/launches.h"
#include "ir/error.h"
#include "ir/loop/parts.h"
#include "ir/loop/walk.h"

namespace sinter::cpu {
namespace {

using loop::BufferRef;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;
using loop::StmtNode;

// The global buffers that a statement refers to, in the order of first use.
class Globals {
 public:
  explicit Globals(const Stmt& stmt) { visit(stmt); }

  std::vector<BufferRef> found;

 private:
  void visit(const BufferRef& buffer) {
    if (buffer && buffer->space == loop::Space::global && seen_.insert(buffer.get()).second)
      found.push_back(buffer);
  }
  void visit(const Expr& x) {
    if (!x || !seen_.insert(x.get()).second) return;
    visit(x->buffer);
    for (const Expr& arg : x->args) visit(arg);
  }
  void visit(const Stmt& s) {
    visit(s->buffer);
    for (const Expr* x : loop::expressions(*s)) visit(*x);
    for (const Stmt& child : s->body) visit(child);
  }

  std::unordered_set<const void*> seen_;
};

// The lowest number of a site in a statement.
std::optional<int64_t> first_site(const Stmt& s) {
  if (s->kind == StmtNode::Kind::fault) return s->site;
  std::optional<int64_t> first;
  for (const Stmt& child : s->body) {
    if (const auto found = first_site(child)) first = std::min(*found, first.value_or(*found));
  }
  return first;
}

Stmt with_sites_from(int64_t first, const Stmt& s) {
  StmtNode node = *s;
  if (node.kind == StmtNode::Kind::fault) node.site -= first;
  for (Stmt& child : node.body) child = with_sites_from(first, child);
  return std::make_shared<const StmtNode>(std::move(node));
}

class Cut {
 public:
  explicit Cut(const loop::Program& program) {
    std::map<std::vector<Stmt>, size_t> known;  // kernels, by loops that others may share with them
    for (const loop::Kernel& kernel : program.kernels) {
      const auto [first, is_new] = known.try_emplace(kernel.parts, result.parts.size());
      if (!is_new && kernel.arguments == program.kernels[first->second].arguments) {
        result.parts.push_back(result.parts[first->second]);
        continue;
      }
      std::vector<Part>& parts = result.parts.emplace_back();
      const bool is_one = kernel.parts.size() == 1;
      for (const Stmt& part : kernel.parts) {
        const int64_t begin = parts.empty() ? 0 : parts.back().end;
        parts.push_back(cut(kernel, is_one ? part : loop::over_units(part), begin));
      }
    }
    find_aliases(program, result);
  }

  Pieces result;

 private:
  Part cut(const loop::Kernel& kernel, const Stmt& part, int64_t begin) {
    Piece piece;
    piece.kernel.name = kernel.name;
    piece.kernel.arguments = Globals(part).found;
    const std::optional<int64_t> site = first_site(part);
    piece.kernel.parts = {site ? with_sites_from(*site, part) : part};
    piece.has_sites = site.has_value();
    piece.text = canonical_text(piece.kernel);
    Part made{0, {}, begin, begin + loop::units_of(part), site};
    for (const BufferRef& buffer : piece.kernel.arguments) {
      const auto it = std::find(kernel.arguments.begin(), kernel.arguments.end(), buffer);
      if (it == kernel.arguments.end()) {
        throw InternalError(
            fmt::format("kernel {}: '{}' is none of its arguments", kernel.name, buffer->name));
      }
      made.arguments.push_back(static_cast<size_t>(it - kernel.arguments.begin()));
    }
    const auto [it, is_new] = numbers_.try_emplace(piece.text, result.pieces.size());
    if (is_new) result.pieces.push_back(std::move(piece));
    made.piece = it->second;
    return made;
  }

  std::unordered_map<std::string, size_t> numbers_;  // of pieces, by text
};

}  // namespace

Pieces cut(const loop::Program& program) {
  return Cut(program).result;
}

std::string identity(const Piece& piece) {
  std::string text;
  for (const bool alone : piece.unaliased) text += alone ? '1' : '0';
  return text + "\n" + piece.text;
}

}  // namespace sinter::cpu
