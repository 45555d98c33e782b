#pragma once

#include <map>
#include <string>

#include "passes/schedule/contract/blocks.h"
#include "passes/schedule/core/template.h"

namespace sinter::passes {

// The contraction of a kernel, read as a batch of matrix products: result[b, m, n] is the sum over k of
// lhs[b, m, k] * rhs[b, k, n]. Letters of the contraction fall into batch (in all three terms), m (lhs and
// result), n (rhs and result) and k (summed); lhs and rhs have changed places where the result's last axis
// came from lhs, so that vectors run along n.
class Contraction {
 public:
  explicit Contraction(Template& t);

  struct Axes {
    std::string letters;
    graph::Shape shape;
    int64_t extent() const { return graph::element_count(shape); }
  };

  // How an operand's elements lie in memory, in every part of the batch.
  struct Operand {
    bool along_k = false;  // neighbours are neighbours along k, rather than along m or n
    double cycles = 0;     // that computing an element takes, about
    // Where an element is one load, its index affine in k and in m or n: what it is loaded from, and the
    // strides from one m or n to the next, and from one k to the next.
    loop::BufferRef buffer;
    int64_t own_stride = 0, k_stride = 0;
    loop::Expr first;  // the index of m or n = 0 and k = 0, of the batch's variables

    bool is_direct() const { return buffer != nullptr; }
  };

  graph::Value result() const { return op_->result(); }
  const Axes& batch() const { return batch_; }
  int64_t m() const { return m_.extent(); }
  int64_t n() const { return n_.extent(); }
  int64_t k() const { return k_.extent(); }
  loop::Type type() const { return type_; }
  const Operand& lhs() const { return left_; }
  const Operand& rhs() const { return right_; }
  ContractProblem problem() const;

  loop::Expr lhs_at(const Index& b, const loop::Expr& m, const loop::Expr& k,
                    const loop::Expr& predicate = nullptr) const;
  loop::Expr rhs_at(const Index& b, const loop::Expr& k, const loop::Expr& n,
                    const loop::Expr& predicate = nullptr) const;
  Index result_index(const Index& b, const loop::Expr& m, const loop::Expr& n) const;
  // Where in its buffer a direct operand's element lies; `own` is m or n.
  loop::Expr place_of(const Operand& operand, const Index& b, const loop::Expr& own,
                      const loop::Expr& k) const;

 private:
  Index index_of(const std::string& letters, const Index& b, const loop::Expr& m, const loop::Expr& n,
                 const loop::Expr& k) const;
  static Operand look_at(graph::Value operand, const loop::Expr& element, const loop::VariableRef& own,
                         const loop::VariableRef& k);

  Template& t_;
  graph::Op* op_ = nullptr;
  graph::ContractDims dims_;
  graph::Value lhs_, rhs_;
  Axes batch_, m_, n_, k_;
  loop::Type type_{};
  std::vector<loop::VariableRef> batch_at_;  // what `Operand::first` calls an element of the batch
  Operand left_, right_;
  double epilogue_cycles_ = 0;
};

}  // namespace sinter::passes
