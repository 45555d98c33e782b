#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/collectives/collective.h"
#include "runtime/collectives/transport.h"

namespace sinter::runtime {

// Where a rank's data of a collective lies: operands [pieces, elements] and results [elements] by part, null
// where the rank gives or gets none. A result may be its operand where that is one piece.
struct CollectiveData {
  std::vector<const void*> operands;
  std::vector<void*> results;
};

// What a rank does with all that lies here: a collective of one rank.
void fold_alone(const Collective& collective, const CollectiveData& data);

// One rank's part in a collective, as far as its data goes.
class Transfer {
 public:
  Transfer(Transport& transport, const Collective& collective, CollectiveData data);
  ~Transfer();  // gives up what is under way
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // What travels with the head to a rank.
  std::string in_head_to(int peer) const;
  // Begins with what came with the heads of all ranks, by rank; throws RuntimeError where a type cannot be
  // folded.
  void begin(std::span<const std::string_view> in_heads);
  // Goes on as far as it can without waiting; whether anything moved. Throws as begin does.
  bool advance();
  bool is_done() const;

 private:
  using Block = Layout::Block;
  using Memory = std::unique_ptr<char[]>;
  using Stream = Transport::Stream;

  struct Flight {
    Transport::Request request;
    Memory memory;  // none: the caller's own
    const Block* block;
  };
  // Messages of one stream from or to one rank, in order.
  struct Flow {
    size_t begun = 0, ended = 0;  // blocks
    std::deque<Flight> flights = {};
  };
  struct Peer {
    Flow pieces_out, pieces_in, results_out, results_in;
    std::deque<Memory> pieces = {};  // that have come, of this rank's blocks from folded_ on
  };

  const void* source_of(size_t part, Stream stream) const;
  const std::vector<Block>& blocks_of(int rank) const { return layout_.blocks[static_cast<size_t>(rank)]; }
  int64_t pieces_of(int rank) const { return pieces_[static_cast<size_t>(rank)]; }
  int64_t pieces_in(Stream stream) const;
  size_t bytes_of(const Block& block, Stream stream) const;
  void gather(const Block& block, Stream stream, char* to) const;
  void fold(const Block& block, std::span<const char* const> pieces);
  void copy_own(const Block& block);
  void scatter(const Block& block, const char* from);
  template <typename End>
  bool end_flights(Flow& flow, End end);
  bool send(int rank, Flow& flow, Stream stream, const std::vector<Block>& blocks, size_t ready);
  bool receive_pieces(int rank, Peer& peer);
  bool receive_results(int rank, Peer& peer);
  bool fold_what_came();

  Transport& transport_;
  const Collective& collective_;
  CollectiveData data_;
  Layout layout_;
  std::vector<int64_t> pieces_;  // by rank
  std::vector<int64_t> additions_;
  std::vector<Peer> peers_;
  size_t folded_ = 0;  // own blocks whose results are there
};

}  // namespace sinter::runtime
