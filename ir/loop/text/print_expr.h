#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/loop/text/names.h"

namespace sinter::loop {

// Prints the expressions of one statement. What stands in them several times and is long is printed once,
// under a name: as a tree, the text of random numbers, say, would grow without bound.
class ExprPrinter {
 public:
  ExprPrinter(const std::vector<Expr>& roots, const Names& names);  // null ones are left out

  // "$0 = x[i]*y[i] + ...", to be read before the rest.
  const std::vector<std::string>& definitions() const { return definitions_; }
  std::string operator()(const Expr& x) const { return text(x, 0); }

 private:
  // Uses and, as a tree, nodes.
  struct Shape {
    int uses = 0;
    int size = 1;
  };

  // Kind, type, what a leaf holds, and operands that stand for their equals.
  using Key = std::pair<std::vector<int64_t>, std::vector<const void*>>;

  const ExprNode* measure(const Expr& x);
  const ExprNode* equal_of(const Expr& x) const { return equals_.at(x.get()); }
  void name_shared(const Expr& x);
  std::string text(const Expr& x, int precedence) const;
  std::string body(const Expr& x, int precedence) const;
  std::string apply_text(const ExprNode& x, int precedence) const;
  std::string call(std::string_view function, const ExprNode& x) const;

  std::unordered_map<const ExprNode*, const ExprNode*> equals_;  // the first that is the same
  std::map<Key, const ExprNode*> first_;
  std::unordered_map<const ExprNode*, Shape> shapes_;
  const Names& names_;
  std::unordered_map<const ExprNode*, std::string> shared_;
  std::vector<std::string> definitions_;
};

}  // namespace sinter::loop
