#pragma once

#include <functional>
#include <vector>

#include "ir/loop/stmt.h"
#include "passes/schedule/core/loader.h"

// What a schedule does with the values that lie in its hands at one iteration.
namespace sinter::passes {

// The values of a body that are known element by element once `anchors` are: reached from them through
// elementwise ops and through views that move each element to one place. With each, its index at the
// iteration where the anchors stand at theirs.
class Tile {
 public:
  Tile(const graph::Function& body, const std::vector<std::pair<graph::Value, Index>>& anchors,
       const loop::RangeMap& ranges);

  // The tile of a body without anchors: its outputs, each at the element of `domain` that it has at `index`,
  // and the values that only they use, element by element.
  static Tile of_outputs(const graph::Function& body, const graph::Shape& domain, const Index& index,
                         const loop::RangeMap& ranges);
  // The same for any values in place of the outputs.
  static Tile of_values(const graph::Function& body, const std::vector<graph::Value>& values,
                        const graph::Shape& domain, const Index& index, const loop::RangeMap& ranges);

  const Index* find(graph::Value value) const;  // null where the value is not in the tile
  // Marks as shared what views other than reshapes read: they may ask for other elements than the tile's.
  void share_moved(const graph::Function& body);

  // Whether all of a body's uses of the value are at its index in the tile.
  bool is_private(graph::Value value) const { return !shared_.contains(value); }
  // In order of execution, anchors first.
  const std::vector<graph::Value>& values() const { return order_; }

 private:
  Tile() = default;
  // What a shared value is computed from is asked for at the same other elements; but for what schedules
  // bind.
  void share_sources(const graph::Function& body);

  graph::ValueMap<Index> index_;
  graph::ValueMap<bool> shared_;  // those with uses elsewhere
  std::vector<graph::Value> order_;
};

struct TileStore {
  graph::Value value;
  loop::BufferRef buffer;
  loop::Expr added_at = nullptr;  // not stored at its own index, but added to what is there
};

// Statements that compute `stores` and write each at its index in the tile. What several of them need is
// computed once. `predicate`, where not null, guards loads and stores.
loop::Stmt store_tile(Loader& loader, const Tile& tile, const std::vector<TileStore>& stores,
                      const loop::Expr& predicate = nullptr);

// As store_tile, for any use of the values: `use` gets their expressions in order.
loop::Stmt with_values(Loader& loader, const Tile& tile, const std::vector<graph::Value>& values,
                       const loop::Expr& predicate,
                       const std::function<loop::Stmt(const std::vector<loop::Expr>&)>& use);

}  // namespace sinter::passes
