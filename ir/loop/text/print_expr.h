#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "ir/loop/text/names.h"

namespace sinter::loop {

// Prints the expressions of one statement. What they share and is long is printed once, under a name: as a
// tree, the text of random numbers, say, would grow without bound.
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

  void measure(const Expr& x);
  void name_shared(const Expr& x);
  std::string text(const Expr& x, int precedence) const;
  std::string body(const Expr& x, int precedence) const;
  std::string apply_text(const ExprNode& x, int precedence) const;
  std::string call(std::string_view function, const ExprNode& x) const;

  std::unordered_map<const ExprNode*, Shape> shapes_;
  const Names& names_;
  std::unordered_map<const ExprNode*, std::string> shared_;
  std::vector<std::string> definitions_;
};

}  // namespace sinter::loop
