#include "backends/vulkan/compile/shader_parts.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_set>

#include "ir/loop/parts.h"
#include "ir/loop/walk.h"

namespace sinter::vulkan {
namespace {

using loop::Expr;
using loop::Stmt;
using loop::StmtNode;

constexpr int64_t kMostOperations = 8000;  // of parts that share a shader

class Operations {
 public:
  // Of a statement, as often as loops are unrolled.
  static int64_t of(const Stmt& stmt) {
    Operations own;
    for (const Expr* x : loop::expressions(*stmt)) {
      if (*x) own.add(*x);
    }
    int64_t count = own.count_;
    for (const Stmt& child : stmt->body) count += of(child);
    const bool is_unrolled =
        stmt->kind == StmtNode::Kind::loop && stmt->loop_kind == loop::LoopKind::unrolled;
    return is_unrolled ? count * loop::as_integer(stmt->extent).value() : count;
  }

 private:
  void add(const Expr& x) {
    if (!seen_.insert(x.get()).second) return;
    count_ += x->args.empty() ? 0 : 1;
    for (const Expr& arg : x->args) add(arg);
  }

  std::unordered_set<const loop::ExprNode*> seen_;
  int64_t count_ = 0;
};

// What parts of a shader have in common, and how long it is.
struct ShaderSize {
  std::optional<int64_t> lanes;
  std::set<loop::BufferRef> shared;
  int64_t operations = 0;

  explicit ShaderSize(const Stmt& part) : lanes(loop::lanes_of(part)), operations(Operations::of(part)) {
    find_shared(part);
  }

  int64_t shared_bytes() const {
    int64_t bytes = 0;
    for (const loop::BufferRef& buffer : shared) bytes += buffer->size * loop::size_in_bytes(buffer->type);
    return bytes;
  }

  // With the other in one shader, where this is soon compiled and takes no more shared memory than the one of
  // them that takes most.
  std::optional<ShaderSize> with(const ShaderSize& other) const {
    ShaderSize both = *this;
    both.operations += other.operations;
    if (!both.lanes) both.lanes = other.lanes;
    both.shared.insert(other.shared.begin(), other.shared.end());
    const bool goes_together = both.operations <= kMostOperations &&
                               (!other.lanes || both.lanes == other.lanes) &&
                               both.shared_bytes() == std::max(shared_bytes(), other.shared_bytes());
    return goes_together ? std::optional(both) : std::nullopt;
  }

 private:
  void find_shared(const Stmt& stmt) {
    if (stmt->kind == StmtNode::Kind::allocate && stmt->buffer->space == loop::Space::shared)
      shared.insert(stmt->buffer);
    for (const Stmt& child : stmt->body) find_shared(child);
  }
};

}  // namespace

std::vector<loop::Kernel> in_shaders(const loop::Kernel& kernel) {
  std::vector<ShaderSize> sizes;
  std::vector<loop::Kernel> shaders;
  for (const Stmt& part : kernel.parts) {
    const ShaderSize own(part);
    size_t i = 0;
    for (; i < shaders.size(); ++i) {
      if (const auto both = sizes[i].with(own)) {
        sizes[i] = *both;
        break;
      }
    }
    if (i == shaders.size()) {
      sizes.push_back(own);
      shaders.push_back(kernel);
      shaders.back().parts.clear();
    }
    shaders[i].parts.push_back(part);
  }
  return shaders;
}

}  // namespace sinter::vulkan
