#include "backends/vulkan/compile/shader_parts.h"

#include <unordered_set>

#include "ir/loop/walk.h"

namespace sinter::vulkan {
namespace {

using loop::Expr;
using loop::Stmt;
using loop::StmtNode;

constexpr int64_t kMostOperations = 4000;  // of parts that share a shader

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

}  // namespace

std::vector<loop::Kernel> in_shaders(const loop::Kernel& kernel) {
  std::vector<std::vector<Stmt>> shaders(1);
  int64_t operations = 0;
  for (const Stmt& part : kernel.parts) {
    const int64_t own = Operations::of(part);
    if (!shaders.back().empty() && operations + own > kMostOperations) {
      shaders.emplace_back();
      operations = 0;
    }
    operations += own;
    shaders.back().push_back(part);
  }
  std::vector<loop::Kernel> kernels(shaders.size(), kernel);
  for (size_t i = 0; i < shaders.size(); ++i) kernels[i].parts = std::move(shaders[i]);
  return kernels;
}

}  // namespace sinter::vulkan
