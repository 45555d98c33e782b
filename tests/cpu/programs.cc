#include "tests/cpu/programs.h"

#include <fmt/format.h>

#include <iterator>
#include <random>
#include <vector>

#include "frontend/compile/compare.h"
#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"
#include "passes/differentiate/differentiate.h"

namespace sinter::cpu::test {
namespace {

std::string matrix(int64_t rows, int64_t columns, bool transposed = false) {
  return transposed ? matrix(columns, rows) : fmt::format("f32[{},{}]", rows, columns);
}

// One op on rows, whose operands are `%x: f32[rows,columns]` and `%scale: f32[columns]`.
std::string of_rows(const char* op, int64_t rows, int64_t columns, const std::string& result) {
  return fmt::format(
      "func @f(%x: f32[{0},{1}], %scale: f32[{1}]) {{\n  %y: {3} = {2}\n  %z: {3} = add %y, %y\n"
      "  return y=%y, z=%z\n}}\n",
      rows, columns, op, result);
}

// Adam, but for its first steps: moments of a gradient, kept as state.
std::string optimiser(int64_t rows, int64_t columns) {
  const std::string type = matrix(rows, columns), shape = type.substr(3);
  std::string text =
      fmt::format("state @p: {0}\nstate @m: {0}\nstate @v: {0}\n\nfunc @f(%g: {0}) {{\n", type);
  const auto op = [&](const char* name, const std::string& what) {
    text += fmt::format("  %{}: {} = {}\n", name, type, what);
  };
  for (const auto& [name, value] :
       {std::pair{"a", 0.9}, {"a1", 0.1}, {"b", 0.999}, {"b1", 0.001}, {"lr", 0.01}, {"eps", 0.1}})
    op(name, fmt::format("constant {{dtype=f32, shape={}, value={}}}", shape, value));
  op("p", "read {state=\"p\"}");
  op("m", "read {state=\"m\"}");
  op("v", "read {state=\"v\"}");
  op("am", "mul %a, %m");
  op("ag", "mul %a1, %g");
  op("m1", "add %am, %ag");
  op("gg", "mul %g, %g");
  op("bv", "mul %b, %v");
  op("bg", "mul %b1, %gg");
  op("v1", "add %bv, %bg");
  op("root", "sqrt %v1");
  op("low", "add %root, %eps");
  op("slope", "div %m1, %low");
  op("step", "mul %lr, %slope");
  op("p1", "sub %p, %step");
  return text +
         "  write %p1 {state=\"p\"}\n  write %m1 {state=\"m\"}\n  write %v1 {state=\"v\"}\n"
         "  return p=%p1\n}\n";
}

std::vector<Program> make_programs() {
  std::vector<Program> all;
  for (const int64_t columns : {15, 33, 97, 1031}) {
    const int64_t rows = columns > 100 ? 3 : 13;
    const std::string same = matrix(rows, columns), row = fmt::format("f32[{}]", rows);
    for (const char* op : {"softmax %x {axis=1}", "layer_norm %x, %scale {epsilon=1e-05}"})
      all.push_back({"rows", of_rows(op, rows, columns, same)});
    for (const char* op : {"reduce_sum %x {axes=[1]}", "reduce_max %x {axes=[1]}"})
      all.push_back({"rows", of_rows(op, rows, columns, row)});
  }
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{97, 31}, {13, 3}, {3, 65}, {1031, 5}}) {
    const std::string column = fmt::format("f32[{}]", columns);
    for (const char* op : {"reduce_sum %x {axes=[0]}", "reduce_min %x {axes=[0]}"})
      all.push_back({"columns", of_rows(op, rows, columns, column)});
  }
  for (const bool with_gradient : {false, true}) {
    for (const AttentionText& cut :
         {AttentionText{5, 3}, {17, 16, true}, {33, 20, false, true}, {67, 5, true, true}}) {
      AttentionText text = cut;
      text.with_gradient = with_gradient;
      all.push_back({"attention", attention(text)});
    }
  }
  for (const int64_t width : {3, 16, 37}) {
    all.push_back({"scatter", fmt::format("func @f(%table: f32[11,{0}], %rows: i32[29], %x: f32[29,{0}]) {{\n"
                                          "  %y: f32[11,{0}] = scatter_add %table, %rows, %x {{axis=0}}\n"
                                          "  return y=%y\n}}\n",
                                          width)});
    all.push_back({"concat", fmt::format("func @f(%x: f32[5,{0}], %y: f32[5,17]) {{\n"
                                         "  %z: f32[5,{1}] = concat %x, %y {{axis=1}}\n"
                                         "  %a: f32[5,{1}] = abs %z\n"
                                         "  return z=%z, a=%a\n}}\n",
                                         width, width + 17)});
    all.push_back({"optimiser", optimiser(13, width)});
  }
  return all;
}

}  // namespace

std::string product(const Form& form, const Size& size, bool with_relu, bool with_gelu) {
  const std::string x = matrix(size.m, size.k, form.lhs_transposed),
                    y = matrix(size.k, size.n, form.rhs_transposed), z = matrix(size.m, size.n);
  std::string text = fmt::format("func @f(%x: {}, %y: {}, %bias: f32[{}]) {{\n", x, y, size.n), lhs = "x";
  if (with_relu) {
    text += fmt::format("  %zero: {0} = constant {{dtype=f32, shape={1}, value=0}}\n", x, x.substr(3));
    text += fmt::format("  %relu: {} = max %x, %zero\n", x);
    lhs = "relu";
  }
  text += fmt::format("  %z: {} = contract %{}, %y {{dims=\"{}\"}}\n", z, lhs, form.dims);
  if (!with_gelu) return text + "  return z=%z\n}\n";
  text += fmt::format("  %row: {} = broadcast %bias {{dims=[1], shape={}}}\n", z, z.substr(3));
  text += fmt::format("  %sum: {0} = add %z, %row\n  %gelu: {0} = gelu %sum\n", z);
  return text + "  return z=%gelu\n}\n";
}

std::string attention(const AttentionText& a) {
  const std::string type = fmt::format("f32[2,2,{},{}]", a.length, a.width);
  std::string text = fmt::format("func @f(%q: {0}, %k: {0}, %v: {0}{1}) {{\n", type,
                                 a.has_lengths ? ", %lengths: i32[2]" : "");
  text += fmt::format("  %y: {} = attention %q, %k, %v{} {{causal={}, lengths={}, scale=0.25}}\n", type,
                      a.has_lengths ? ", %lengths" : "", a.causal, a.has_lengths);
  if (!a.with_gradient) return text + "  return y=%y\n}\n";
  text += fmt::format("  %square: {} = mul %y, %y\n  %sum: f32[] = reduce_sum %square {{axes=[0,1,2,3]}}\n",
                      type);
  text += fmt::format("  %dq: {0}, %dk: {0}, %dv: {0} = grad %sum, %q, %k, %v\n", type);
  return text + "  return dq=%dq, dk=%dk, dv=%dv\n}\n";
}

DrawnProduct drawn_product(uint32_t seed) {
  constexpr int64_t kExtents[] = {1, 2, 3, 5, 13, 14, 15, 16, 17, 27, 29, 31, 32, 33, 65, 97};
  std::mt19937 random(seed);
  const auto extent = [&] { return kExtents[random() % std::size(kExtents)]; };
  const Form& form = kForms[random() % std::size(kForms)];
  const Size size = {extent(), extent(), extent()};
  const bool with_relu = random() % 3 == 0, with_gelu = random() % 3 == 0;
  return {fmt::format("{} {}x{}x{}{}{}", form.name, size.m, size.n, size.k, with_relu ? " relu" : "",
                      with_gelu ? " gelu" : ""),
          product(form, size, with_relu, with_gelu)};
}

std::string difference_on(const backends::Device& device, const std::string& text) {
  const graph::Module module = passes::differentiated(graph::parse(text));
  const auto executable = compile_function(module, "f", device);
  return difference_on_random_inputs(module, *module.find_function("f"), device, *executable);
}

std::span<const Program> other_programs() {
  static const std::vector<Program> programs = make_programs();
  return programs;
}

}  // namespace sinter::cpu::test
