#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ir/error.h"
#include "passes/schedule/local.h"
#include "passes/schedule/template.h"

// The schedule of `contract`: register tiles of the result, held while the summed axes run.
//
// Letters of the contraction fall into batch (in all three terms), m (lhs and result), n (rhs and result) and
// k (summed). Vectors run along n; lhs and rhs change places where the result's last axis comes from lhs. An
// operand that is not at hand in the order the tile needs (transposed, or computed by a prologue) is first
// written to a local panel.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Shape;
using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

struct Axes {
  std::string letters;
  Shape shape;
  int64_t extent() const { return graph::element_count(shape); }
};

class ContractSchedule {
 public:
  explicit ContractSchedule(Template& t) : t_(t) {
    for (const auto& op : t.body.ops()) {
      if (op->code == OpCode::contract) contract_ = op.get();
    }
    dims_ = graph::ContractDims::parse(contract_->attributes.text("dims"));
    lhs_ = contract_->operands[0];
    rhs_ = contract_->operands[1];
    if (!dims_.result.empty() && dims_.rhs.find(dims_.result.back()) == std::string::npos) {
      std::swap(lhs_, rhs_);
      std::swap(dims_.lhs, dims_.rhs);
    }
    for (size_t i = 0; i < dims_.result.size(); ++i)
      extent_[dims_.result[i]] = contract_->results[0].shape[i];
    for (size_t i = 0; i < dims_.lhs.size(); ++i) extent_[dims_.lhs[i]] = lhs_.shape()[i];
    for (char letter : dims_.result) {
      const bool in_lhs = dims_.lhs.find(letter) != std::string::npos;
      const bool in_rhs = dims_.rhs.find(letter) != std::string::npos;
      add(in_lhs && in_rhs ? batch_ : in_lhs ? m_ : n_, letter);
    }
    for (char letter : dims_.rhs) {
      if (dims_.is_summed(letter)) add(k_, letter);
    }
    type_ = loop::from_graph(contract_->results[0].dtype);
    lanes_ = std::max<int64_t>(1, t.target().vector_bytes / loop::size_in_bytes(type_));
    is_small_ = t.target().unit_elements == 1;
  }

  loop::Kernel run() {
    const int64_t m = m_.extent(), n = n_.extent(), batch = batch_.extent();
    if (m * n * batch == 0) return t_.finish(loop::block({}));
    choose_tile(m, n);
    look_at_operands();
    // Units of parallel work: a batch element, a run of rows; with a packed rhs of many panels, a run of
    // panels.
    const int64_t tiles = (m + rows_ - 1) / rows_;
    const double flops_a_tile = 2.0 * static_cast<double>(rows_ * n * k_.extent());
    int64_t tiles_a_unit =
        std::max<int64_t>(1, static_cast<int64_t>(kUnitFlops / std::max(flops_a_tile, 1.0)));
    if (pack_rhs_) tiles_a_unit = std::max(tiles_a_unit, (tiles + 3) / 4);
    tiles_a_unit = is_small_ ? 1 : std::min(tiles_a_unit, tiles);
    if (pack_lhs_) {
      const int64_t fit =
          kPanelBytes / std::max<int64_t>(1, rows_ * k_.extent() * loop::size_in_bytes(type_));
      tiles_a_unit = std::max<int64_t>(1, std::min(tiles_a_unit, fit));
    }
    const int64_t runs = (tiles + tiles_a_unit - 1) / tiles_a_unit;
    const int64_t panels = (n + width_ - 1) / width_;
    int64_t panels_a_unit = panels;
    if (pack_rhs_ && batch * runs < 8) panels_a_unit = (panels + 3) / 4;
    if (is_small_) panels_a_unit = 1;
    const int64_t panel_runs = (panels + panels_a_unit - 1) / panels_a_unit;

    const auto unit = t_.loader.variable("unit", batch * runs * panel_runs);
    const Expr u = loop::variable(unit);
    const Expr panel_run = t_.loader.simplify(u % panel_runs);
    const Expr run_index = t_.loader.simplify(u / panel_runs % runs);
    const Index b =
        delinearize(t_.loader.simplify(u / (panel_runs * runs)), batch_.shape, t_.loader.ranges());
    Stmt body =
        unit_body(b, run_index * tiles_a_unit, tiles_a_unit, panel_run * panels_a_unit, panels_a_unit);
    return t_.finish(loop::loop(LoopKind::parallel, unit, loop::integer(0),
                                loop::integer(batch * runs * panel_runs), body));
  }

 private:
  static constexpr int64_t kFillingSubgroups = 32;  // that a machine needs to be busy
  static constexpr double kUnitFlops = 2e5;
  static constexpr int64_t kPanelBytes = 256 << 10;

  void add(Axes& axes, char letter) const {
    axes.letters += letter;
    axes.shape.push_back(extent_.at(letter));
  }

  // Rows and columns of the register tile: 6 x 16 for 16 registers of 8 lanes; taller where n is narrow.
  void choose_tile(int64_t m, int64_t n) {
    width_ = 2 * lanes_;
    rows_ = 6;
    if (n == 1) {
      width_ = 1;
    } else if (n <= lanes_) {
      width_ = lanes_;
      rows_ = 8;
    }
    if (is_small_) {
      const bool is_large =
          m / 8 * (n / 8) * batch_.extent() >= kFillingSubgroups * t_.target().subgroup_size;
      width_ = std::min<int64_t>(n, is_large ? 8 : 4);
      rows_ = is_large ? 8 : 4;
    }
    rows_ = std::min(rows_, m);
  }

  Index index_of(const std::string& letters, const Index& b, const Expr& m, const Expr& n, const Expr& k) {
    std::map<char, Expr> value;
    const auto put = [&](const Axes& axes, const Index& index) {
      for (size_t i = 0; i < axes.letters.size(); ++i) value[axes.letters[i]] = index[i];
    };
    put(batch_, b);
    if (m) put(m_, delinearize(m, m_.shape, t_.loader.ranges()));
    if (n) put(n_, delinearize(n, n_.shape, t_.loader.ranges()));
    if (k) put(k_, delinearize(k, k_.shape, t_.loader.ranges()));
    Index index;
    for (char letter : letters) index.push_back(value.at(letter));
    return index;
  }

  // Which operands lie in memory as the tile wants them.
  void look_at_operands() {
    Loader::Scope scope(t_.loader);
    const auto m = t_.loader.variable("m", m_.extent());
    const auto n = t_.loader.variable("n", n_.extent());
    const auto k = t_.loader.variable("k", k_.extent());
    const Index b(batch_.letters.size(), loop::integer(0));
    const Expr left =
        t_.loader.at(lhs_, index_of(dims_.lhs, b, loop::variable(m), nullptr, loop::variable(k)));
    const Expr right =
        t_.loader.at(rhs_, index_of(dims_.rhs, b, nullptr, loop::variable(n), loop::variable(k)));
    const bool left_direct = left->kind == loop::ExprNode::Kind::load;
    pack_lhs_ = !is_small_ && !left_direct && n_.extent() > width_;
    bool contiguous = right->kind == loop::ExprNode::Kind::load;
    if (contiguous) {
      const auto affine = loop::affine_in(right->args[0], n);
      contiguous = affine && (affine->coefficient == 1 || affine->coefficient == 0);
    }
    pack_rhs_ = !is_small_ && !contiguous && m_.extent() > rows_;
  }

  // Tiles [first_tile, first_tile + tiles) of rows, panels [first_panel, first_panel + panels) of columns.
  Stmt unit_body(const Index& b, const Expr& first_tile, int64_t tiles, const Expr& first_panel,
                 int64_t panels) {
    if (pack_lhs_) panel_lhs_ = local_buffer("panel_lhs", type_, tiles * rows_ * k_.extent());
    if (pack_rhs_) panel_rhs_ = local_buffer("panel_rhs", type_, k_.extent() * width_);
    const int64_t whole_panels = n_.extent() / width_;
    const auto panel = t_.loader.variable("panel", (n_.extent() + width_ - 1) / width_);
    std::vector<Stmt> body;
    {
      Loader::Scope scope(t_.loader);
      const Expr n0 = loop::variable(panel) * width_;
      const Expr count =
          t_.loader.simplify(loop::min(loop::integer(panels), loop::integer(whole_panels) - first_panel));
      if (whole_panels > 0) {
        body.push_back(loop::loop(LoopKind::serial, panel, first_panel, count,
                                  panel_body(b, first_tile, tiles, n0, width_, width_)));
      }
    }
    if (const int64_t rest = n_.extent() % width_; rest > 0) {
      Loader::Scope scope(t_.loader);
      int64_t lanes = std::min(lanes_, width_);
      while (lanes < rest) lanes *= 2;
      Stmt tail = panel_body(b, first_tile, tiles, loop::integer(whole_panels * width_), lanes, rest);
      if (panels < whole_panels + 1) {
        tail = loop::branch(first_panel + panels >= loop::integer(whole_panels + 1), tail);
      }
      body.push_back(tail);
    }
    Stmt result = loop::block(std::move(body));
    if (pack_lhs_) result = pack_lhs(b, first_tile, tiles, result);
    if (panel_rhs_) result = loop::allocate(panel_rhs_, result);
    if (panel_lhs_) result = loop::allocate(panel_lhs_, result);
    return result;
  }

  Stmt pack_lhs(const Index& b, const Expr& first_tile, int64_t tiles, Stmt use) {
    const auto row = t_.loader.variable("row", m_.extent());
    Stmt fill;
    {
      Loader::Scope scope(t_.loader);
      const Expr m = loop::variable(row);
      fill = vector_loop(t_.loader, "k", k_.extent(), 2 * lanes_, [&](const VectorPoint& at) {
        const Expr value = t_.loader.at(lhs_, index_of(dims_.lhs, b, m, nullptr, at.index), at.predicate);
        return loop::store(panel_lhs_, (m - first_tile * rows_) * k_.extent() + at.index, value,
                           at.predicate);
      });
    }
    const Expr first = first_tile * rows_;
    const Expr count = loop::min(loop::integer(tiles * rows_), loop::integer(m_.extent()) - first);
    return loop::block({loop::loop(LoopKind::serial, row, first, count, fill), use});
  }

  Stmt panel_body(const Index& b, const Expr& first_tile, int64_t tiles, const Expr& n0, int64_t lanes,
                  int64_t columns) {
    std::vector<Stmt> body;
    if (pack_rhs_) {
      Loader::Scope scope(t_.loader);
      const auto k = t_.loader.variable("k", k_.extent());
      const auto j = t_.loader.variable("j_lane", lanes);
      const Expr column = lanes == 1 ? loop::integer(0) : loop::variable(j);
      const Expr n = n0 + column;
      const Expr predicate = columns == lanes ? nullptr : column < loop::integer(columns);
      const Expr value = t_.loader.at(rhs_, index_of(dims_.rhs, b, nullptr, n, loop::variable(k)), predicate);
      Stmt fill = loop::store(panel_rhs_, loop::variable(k) * lanes + column, value);
      if (lanes > 1) fill = loop::loop(LoopKind::vector, j, loop::integer(0), loop::integer(lanes), fill);
      body.push_back(loop::loop(LoopKind::serial, k, loop::integer(0), loop::integer(k_.extent()), fill));
    }
    const int64_t whole = m_.extent() / rows_;
    const auto tile = t_.loader.variable("tile", whole);
    {
      Loader::Scope scope(t_.loader);
      const Expr count =
          t_.loader.simplify(loop::min(loop::integer(tiles), loop::integer(whole) - first_tile));
      body.push_back(
          loop::loop(LoopKind::serial, tile, first_tile, count,
                     micro(b, first_tile, loop::variable(tile) * rows_, rows_, n0, lanes, columns)));
    }
    if (const int64_t rest = m_.extent() % rows_; rest > 0) {
      Loader::Scope scope(t_.loader);
      Stmt tail = micro(b, first_tile, loop::integer(whole * rows_), rest, n0, lanes, columns);
      if (tiles < whole + 1) tail = loop::branch(first_tile + tiles >= loop::integer(whole + 1), tail);
      body.push_back(tail);
    }
    return loop::block(std::move(body));
  }

  // One register tile: rows m0 .. m0+rows-1, columns n0 .. n0+columns-1 in `lanes` lanes.
  Stmt micro(const Index& b, const Expr& first_tile, const Expr& m0, int64_t rows, const Expr& n0,
             int64_t lanes, int64_t columns) {
    const loop::BufferRef acc = local_buffer("acc", type_, rows * lanes);
    const auto i = t_.loader.variable("i", rows);
    const auto j = t_.loader.variable("j_lane", lanes);
    const Expr column = lanes == 1 ? loop::integer(0) : loop::variable(j);
    const Expr slot = loop::variable(i) * lanes + column;
    const Expr predicate = columns == lanes ? nullptr : column < loop::integer(columns);
    const Expr m = m0 + loop::variable(i), n = n0 + column;
    const auto tile_loop = [&](Stmt body) {
      if (lanes > 1)
        body = loop::loop(LoopKind::vector, j, loop::integer(0), loop::integer(lanes), std::move(body));
      return loop::loop(LoopKind::unrolled, i, loop::integer(0), loop::integer(rows), body);
    };
    const auto step = [&](const Expr& k) {
      Loader::Scope scope(t_.loader);
      const Expr left = pack_lhs_ ? loop::load(panel_lhs_, (m - first_tile * rows_) * k_.extent() + k)
                                  : t_.loader.at(lhs_, index_of(dims_.lhs, b, m, nullptr, k));
      const Expr right = pack_rhs_ ? loop::load(panel_rhs_, k * lanes + column)
                                   : t_.loader.at(rhs_, index_of(dims_.rhs, b, nullptr, n, k), predicate);
      const Expr sum = loop::load(acc, slot);
      const Expr next =
          loop::is_floating(type_) ? loop::apply(ScalarOp::fma, {left, right, sum}) : sum + left * right;
      return tile_loop(loop::store(acc, slot, next));
    };
    std::vector<Stmt> body = {tile_loop(loop::store(acc, slot, loop::constant(0, type_)))};
    const int64_t depth = k_.extent(), unroll = depth >= 4 ? 4 : 1;
    if (depth / unroll > 0) {
      const auto k = t_.loader.variable("k", depth / unroll);
      const auto inner = t_.loader.variable("k_inner", unroll);
      Stmt steps = step(loop::variable(k) * unroll + loop::variable(inner));
      steps = loop::loop(LoopKind::unrolled, inner, loop::integer(0), loop::integer(unroll), steps);
      body.push_back(loop::loop(LoopKind::serial, k, loop::integer(0), loop::integer(depth / unroll), steps));
    }
    for (int64_t k = depth / unroll * unroll; k < depth; ++k) body.push_back(step(loop::integer(k)));
    {
      Loader::Scope scope(t_.loader);
      t_.loader.bind(contract_->result(), loop::load(acc, slot));
      const Tile tile(t_.body, {{contract_->result(), index_of(dims_.result, b, m, n, nullptr)}},
                      t_.loader.ranges());
      body.push_back(tile_loop(
          loop::block({t_.checks(tile, predicate), store_tile(t_.loader, tile, t_.stores(), predicate)})));
    }
    return loop::allocate(acc, loop::block(std::move(body)));
  }

  Template& t_;
  Op* contract_ = nullptr;
  graph::ContractDims dims_;
  Value lhs_, rhs_;
  std::map<char, int64_t> extent_;
  Axes batch_, m_, n_, k_;
  loop::Type type_{};
  int64_t lanes_ = 8;  // of one vector of the type
  int64_t rows_ = 6, width_ = 16;
  bool is_small_ = false;  // a unit is one register tile
  bool pack_lhs_ = false, pack_rhs_ = false;
  loop::BufferRef panel_lhs_, panel_rhs_;
};

}  // namespace

loop::Kernel schedule_contract(Template& t) {
  return ContractSchedule(t).run();
}

}  // namespace sinter::passes
