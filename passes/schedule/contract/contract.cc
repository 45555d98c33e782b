#include <algorithm>

#include "passes/schedule/contract/loops.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"

// The schedules of `contract` in registers: tiles of the result, held while a block of the summed axes runs
// (tile.cc). Operands that are not at hand in the order in which a tile reads them are copied first
// (pack.cc). How the loops are cut is decided in blocks.cc.
//
//   parallel unit: a run of tiles, a run of panels
//     for block of k
//       copy the unit's panels of rhs
//       for group of tiles
//         copy the group's rows of lhs
//         for panel
//           for tile
//             a register tile; its sums wait in local memory for the next block
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

ContractLoops::ContractLoops(Template& t, const Contraction& contraction, const ContractBlocks& blocks)
    : t_(t),
      c_(contraction),
      blocks_(blocks),
      lanes_(t.target().lanes(loop::size_in_bytes(contraction.type()))),
      has_threads_(!t.target().has_workgroups()) {
  const int64_t panels = blocks.panels_a_unit();
  if (blocks.pack_lhs)
    lhs_ = local_buffer("panel_lhs", c_.type(), blocks.group * blocks.rows * blocks.k_block);
  if (blocks.pack_lhs && !c_.lhs().is_direct() && !c_.lhs().along_k)
    staged_ = local_buffer("staged", c_.type(), ContractBlocks::kCopiedSteps * staged_stride());
  if (blocks.pack_rhs) rhs_ = local_buffer("panel_rhs", c_.type(), panels * blocks.width * blocks.k_block);
  if (blocks.k_blocks > 1) {
    sums_ = local_buffer("sums", c_.type(), blocks.tiles_a_unit() * blocks.rows * panels * blocks.width);
  }
}

Stmt ContractLoops::for_tiles(const Expr& begin, const Expr& end,
                              const std::function<Stmt(const TileAt&)>& body) {
  const int64_t taller = blocks_.taller, rows = blocks_.rows;
  std::vector<Stmt> parts;
  const auto run = [&](const Expr& first, const Expr& behind, int64_t height, int64_t extra) {
    Loader::Scope scope(t_.loader);
    const auto tile = t_.loader.variable("tile", blocks_.tiles);
    const Expr at = loop::variable(tile);
    parts.push_back(loop::loop(LoopKind::serial, tile, first, t_.loader.simplify(behind - first),
                               body({at, at * height + extra, height})));
  };
  const Expr border = loop::integer(taller);
  if (taller == blocks_.tiles) {
    run(begin, end, rows, 0);
  } else {
    run(begin, t_.loader.simplify(loop::min(end, border)), rows, 0);
    run(t_.loader.simplify(loop::max(begin, border)), end, rows - 1, taller);
  }
  return loop::block(std::move(parts));
}

Stmt ContractLoops::for_panels(const Expr& begin, const Expr& end,
                               const std::function<Stmt(const PanelAt&)>& body) {
  const int64_t width = blocks_.width, whole = c_.n() / width, rest = c_.n() % width;
  std::vector<Stmt> parts;
  if (whole > 0) {
    Loader::Scope scope(t_.loader);
    const auto panel = t_.loader.variable("panel", whole);
    const Expr at = loop::variable(panel);
    const Expr last = t_.loader.simplify(loop::min(end, loop::integer(whole)));
    parts.push_back(loop::loop(LoopKind::serial, panel, begin, t_.loader.simplify(last - begin),
                               body({at, at * width, width, width})));
  }
  if (rest > 0) {
    Loader::Scope scope(t_.loader);
    int64_t lanes = std::min(lanes_, width);
    while (lanes < rest) lanes *= 2;
    const Stmt tail = body({loop::integer(whole), loop::integer(whole * width), lanes, rest});
    const Expr is_last = t_.loader.simplify(end >= loop::integer(whole + 1));
    parts.push_back(loop::branch(is_last, tail));
  }
  return loop::block(std::move(parts));
}

Stmt ContractLoops::for_steps(const BlockAt& block, int64_t step,
                              const std::function<Stmt(const StepAt&, int64_t)>& body) {
  const int64_t whole = c_.k() / step, a_block = blocks_.k_block / step;
  std::vector<Stmt> parts;
  if (whole > 0) {
    Loader::Scope scope(t_.loader);
    const auto number = t_.loader.variable("k", blocks_.k_blocks > 1 ? a_block : whole);
    const Expr offset = loop::variable(number) * step;
    Expr count = loop::integer(whole);
    if (blocks_.k_blocks > 1)
      count = t_.loader.simplify(loop::min(loop::integer(a_block), count - block.number * a_block));
    parts.push_back(loop::loop(LoopKind::serial, number, loop::integer(0), count,
                               body({offset, block.first + offset}, step)));
  }
  if (const int64_t rest = c_.k() % step; rest > 0) {
    Loader::Scope scope(t_.loader);
    const int64_t first = whole * step, last = blocks_.k_blocks - 1;
    const Stmt tail = body({loop::integer(first - last * blocks_.k_block), loop::integer(first)}, rest);
    parts.push_back(loop::branch(t_.loader.simplify(block.number >= loop::integer(last)), tail));
  }
  return loop::block(std::move(parts));
}

Stmt ContractLoops::vector(const char* name, int64_t lanes, const std::function<Stmt(const Expr&)>& body) {
  if (lanes == 1) return body(loop::integer(0));
  const auto lane = t_.loader.variable(name, lanes);
  return loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes),
                    body(loop::variable(lane)));
}

Stmt ContractLoops::unit(const Unit& unit) {
  Stmt result;
  if (blocks_.k_blocks == 1) {
    result = block(unit, {loop::integer(0), loop::integer(0)});
  } else {
    const auto number = t_.loader.variable("block", blocks_.k_blocks);
    const Expr at = loop::variable(number);
    result = loop::loop(LoopKind::serial, number, loop::integer(0), loop::integer(blocks_.k_blocks),
                        block(unit, {at, at * blocks_.k_block}));
  }
  for (const loop::BufferRef& buffer : {lhs_, staged_, rhs_, sums_}) {
    if (buffer) result = loop::allocate(buffer, result);
  }
  return result;
}

Stmt ContractLoops::block(const Unit& unit, const BlockAt& block) {
  std::vector<Stmt> parts;
  if (rhs_) parts.push_back(pack_rhs(unit, block));
  if (blocks_.group >= blocks_.tiles_a_unit()) {
    parts.push_back(group(unit, block, unit.tile_begin, unit.tile_end));
  } else {
    const int64_t groups = (blocks_.tiles_a_unit() + blocks_.group - 1) / blocks_.group;
    const auto number = t_.loader.variable("group", groups);
    const Expr begin = t_.loader.simplify(unit.tile_begin + loop::variable(number) * blocks_.group);
    const Expr end = t_.loader.simplify(loop::min(begin + blocks_.group, unit.tile_end));
    parts.push_back(loop::loop(LoopKind::serial, number, loop::integer(0), loop::integer(groups),
                               group(unit, block, begin, end)));
  }
  return loop::block(std::move(parts));
}

Stmt ContractLoops::group(const Unit& unit, const BlockAt& block, const Expr& tile_begin,
                          const Expr& tile_end) {
  std::vector<Stmt> parts;
  if (lhs_) parts.push_back(pack_lhs(unit, block, tile_begin, tile_end));
  parts.push_back(for_panels(unit.panel_begin, unit.panel_end, [&](const PanelAt& panel) {
    return for_tiles(tile_begin, tile_end,
                     [&](const TileAt& at) { return tile(unit, block, tile_begin, at, panel); });
  }));
  return loop::block(std::move(parts));
}

namespace {

std::vector<Numbers> contract_choices(Template& t, bool are_dots) {
  const ContractBlocks best = choose_blocks(Contraction(t).problem(), t.target());
  if (best.are_dots != are_dots) return {};
  return {numbers_of(best)};
}

loop::Kernel emit_contract(Template& t, const Choice& choice, bool are_dots) {
  const Contraction contraction(t);
  const int64_t batch = contraction.batch().extent();
  ChoiceReader read(choice, t.kernel.location);
  const ContractBlocks blocks = read_blocks(contraction.problem(), t.target(), are_dots, read);
  read.finish();
  const int64_t units = batch * blocks.tile_runs * blocks.panel_runs;
  const auto number = t.loader.variable("unit", units);
  const Expr u = loop::variable(number);
  const auto simplified = [&](const Expr& x) { return t.loader.simplify(x); };
  // Run i of n begins at i * all / n: no two runs differ by more than one.
  const Expr tile_run = simplified(u / blocks.panel_runs % blocks.tile_runs);
  const Expr panel_run = simplified(u % blocks.panel_runs);
  const auto begin = [&](const Expr& run, int64_t all, int64_t runs) { return simplified(run * all / runs); };
  const ContractLoops::Unit unit = {
      delinearize(simplified(u / (blocks.panel_runs * blocks.tile_runs)), contraction.batch().shape,
                  t.loader.ranges()),
      begin(tile_run, blocks.tiles, blocks.tile_runs),
      begin(tile_run + 1, blocks.tiles, blocks.tile_runs),
      begin(panel_run, blocks.panels, blocks.panel_runs),
      begin(panel_run + 1, blocks.panels, blocks.panel_runs),
  };
  return t.finish(loop::loop(LoopKind::parallel, number, loop::integer(0), loop::integer(units),
                             ContractLoops(t, contraction, blocks).unit(unit)));
}

}  // namespace

// Vectors along n.
constinit const Schedule kContractTiles = {
    graph::Anchor::contract, "contract.tiles", [](Template& t) { return contract_choices(t, false); },
    [](Template& t, const Choice& choice) { return emit_contract(t, choice, false); }};
// Vectors along k.
constinit const Schedule kContractDots = {
    graph::Anchor::contract, "contract.dots", [](Template& t) { return contract_choices(t, true); },
    [](Template& t, const Choice& choice) { return emit_contract(t, choice, true); }};

}  // namespace sinter::passes
