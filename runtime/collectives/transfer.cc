#include "runtime/collectives/transfer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/collectives/tree.h"

namespace sinter::runtime {
namespace {

constexpr size_t kFlights = 4;  // messages of a flow that are under way at once

std::unique_ptr<char[]> memory_of(size_t bytes) {
  return std::unique_ptr<char[]>(new char[bytes]);
}

const char* at(const void* data, int64_t element, size_t size) {
  return static_cast<const char*>(data) + static_cast<size_t>(element) * size;
}

char* at(void* data, int64_t element, size_t size) {
  return static_cast<char*>(data) + static_cast<size_t>(element) * size;
}

}  // namespace

void fold_alone(const Collective& collective, const CollectiveData& data) {
  const std::vector<int64_t> additions = additions_of(collective.leaves, 1);
  for (size_t i = 0; i < collective.parts.size(); ++i) {
    const auto& [dtype, elements, owner] = collective.parts[i];
    if (elements == 0 || data.results[i] == nullptr) continue;
    if (collective.kind == Collective::Kind::all_gather) {
      std::memmove(data.results[i], data.operands[i], static_cast<size_t>(elements) * size_in_bytes(dtype));
    } else {
      fold_pieces(dtype, collective.fold, elements, additions, {&data.operands[i], 1}, data.results[i],
                  collective.mode);
    }
  }
}

Transfer::Transfer(Transport& transport, const Collective& collective, CollectiveData data)
    : transport_(transport),
      collective_(collective),
      data_(std::move(data)),
      layout_(layout_of(collective, transport.size())),
      additions_(additions_of(collective.leaves, transport.size())),
      peers_(static_cast<size_t>(transport.size())) {
  for (int rank = 0; rank < transport.size(); ++rank)
    pieces_.push_back(leaves_of(collective.leaves, transport.size(), rank).pieces());
}

Transfer::~Transfer() {
  for (Peer& peer : peers_) {
    for (Flow* flow : {&peer.pieces_out, &peer.pieces_in, &peer.results_out, &peer.results_in}) {
      for (Flight& flight : flow->flights) transport_.give_up(flight.request);
    }
  }
}

const void* Transfer::source_of(size_t part, Stream stream) const {
  return layout_.folds && stream == Stream::results ? data_.results[part] : data_.operands[part];
}

// That this rank sends.
int64_t Transfer::pieces_in(Stream stream) const {
  return stream == Stream::pieces ? pieces_of(transport_.rank()) : 1;
}

size_t Transfer::bytes_of(const Block& block, Stream stream) const {
  return block.bytes * static_cast<size_t>(pieces_in(stream));
}

// A block of this rank's pieces, or of its results, as it travels: range after range, and of one piece after
// piece.
void Transfer::gather(const Block& block, Stream stream, char* to) const {
  const int64_t pieces = pieces_in(stream);
  for (const auto& [part, begin, end] : block.ranges) {
    const auto& [dtype, elements, owner] = collective_.parts[part];
    const size_t size = size_in_bytes(dtype);
    const void* from = source_of(part, stream);
    const size_t bytes = static_cast<size_t>(end - begin) * size;
    for (int64_t piece = 0; piece < pieces; ++piece, to += bytes)
      std::memcpy(to, at(from, piece * elements + begin, size), bytes);
  }
}

std::string Transfer::in_head_to(int peer) const {
  std::string bytes;
  if (!layout_.in_heads) return bytes;
  const Stream stream = layout_.folds ? Stream::pieces : Stream::results;
  for (const Block& block : blocks_of(layout_.folds ? peer : transport_.rank())) {
    const size_t begin = bytes.size();
    bytes.resize(begin + bytes_of(block, stream));
    gather(block, stream, bytes.data() + begin);
  }
  return bytes;
}

// `pieces`: what came from each rank; nothing of this one.
void Transfer::fold(const Block& block, std::span<const char* const> pieces) {
  size_t offset = 0;  // in one piece of the block
  std::vector<const void*> all;
  for (const auto& [part, begin, end] : block.ranges) {
    const auto& [dtype, elements, owner] = collective_.parts[part];
    const size_t size = size_in_bytes(dtype);
    all.clear();
    for (int rank = 0; rank < transport_.size(); ++rank) {
      const int64_t count = pieces_of(rank);
      for (int64_t piece = 0; piece < count; ++piece) {
        all.push_back(rank == transport_.rank()
                          ? at(data_.operands[part], piece * elements + begin, size)
                          : pieces[static_cast<size_t>(rank)] + offset * static_cast<size_t>(count) +
                                static_cast<size_t>(piece * (end - begin)) * size);
      }
    }
    fold_pieces(dtype, collective_.fold, end - begin, additions_, all, at(data_.results[part], begin, size),
                collective_.mode);
    offset += static_cast<size_t>(end - begin) * size;
  }
}

// What this rank gives to a gathering is its own result, too.
void Transfer::copy_own(const Block& block) {
  for (const auto& [part, begin, end] : block.ranges) {
    if (data_.results[part] == nullptr) continue;
    const size_t size = size_in_bytes(collective_.parts[part].dtype);
    std::memmove(at(data_.results[part], begin, size), at(data_.operands[part], begin, size),
                 static_cast<size_t>(end - begin) * size);
  }
}

void Transfer::scatter(const Block& block, const char* from) {
  for (const auto& [part, begin, end] : block.ranges) {
    const size_t size = size_in_bytes(collective_.parts[part].dtype);
    const size_t bytes = static_cast<size_t>(end - begin) * size;
    std::memcpy(at(data_.results[part], begin, size), from, bytes);
    from += bytes;
  }
}

void Transfer::begin(std::span<const std::string_view> in_heads) {
  const std::vector<Block>& own = blocks_of(transport_.rank());
  if (!layout_.folds) {
    for (const Block& block : own) copy_own(block);
    folded_ = own.size();
  }
  if (!layout_.in_heads) return;
  if (layout_.folds) {
    std::vector<const char*> pieces;
    for (const std::string_view bytes : in_heads) pieces.push_back(bytes.data());
    for (const Block& block : own) fold(block, pieces);  // one at most
    return;
  }
  for (int rank = 0; rank < transport_.size(); ++rank) {
    if (rank == transport_.rank()) continue;
    const char* from = in_heads[static_cast<size_t>(rank)].data();
    for (const Block& block : blocks_of(rank)) scatter(block, from);
  }
}

template <typename End>
bool Transfer::end_flights(Flow& flow, End end) {
  bool moved = false;
  while (!flow.flights.empty() && transport_.is_done(flow.flights.front().request)) {
    end(flow.flights.front());
    flow.flights.pop_front();
    ++flow.ended;
    moved = true;
  }
  return moved;
}

// Those of `blocks` that are ready, the first so many.
bool Transfer::send(int rank, Flow& flow, Stream stream, const std::vector<Block>& blocks, size_t ready) {
  bool moved = end_flights(flow, [](Flight&) {});
  for (; flow.begun < ready && flow.flights.size() < kFlights; ++flow.begun, moved = true) {
    const Block& block = blocks[flow.begun];
    if (block.ranges.size() == 1 && pieces_in(stream) == 1) {
      const Layout::Range& range = block.ranges[0];
      const char* data =
          at(source_of(range.part, stream), range.begin, size_in_bytes(collective_.parts[range.part].dtype));
      flow.flights.push_back({transport_.send(rank, stream, data, block.bytes), nullptr, &block});
    } else {
      const size_t bytes = bytes_of(block, stream);
      Memory memory = memory_of(bytes);
      gather(block, stream, memory.get());
      const Transport::Request request = transport_.send(rank, stream, memory.get(), bytes);
      flow.flights.push_back({request, std::move(memory), &block});
    }
  }
  return moved;
}

bool Transfer::receive_pieces(int rank, Peer& peer) {
  Flow& flow = peer.pieces_in;
  bool moved = end_flights(flow, [&](Flight& flight) { peer.pieces.push_back(std::move(flight.memory)); });
  const std::vector<Block>& own = blocks_of(transport_.rank());
  for (; flow.begun < own.size() && flow.begun < folded_ + kFlights; ++flow.begun, moved = true) {
    const Block& block = own[flow.begun];
    const size_t bytes = block.bytes * static_cast<size_t>(pieces_of(rank));
    Memory memory = memory_of(bytes);
    const Transport::Request request = transport_.receive(rank, Stream::pieces, memory.get(), bytes);
    flow.flights.push_back({request, std::move(memory), &block});
  }
  return moved;
}

bool Transfer::receive_results(int rank, Peer& peer) {
  Flow& flow = peer.results_in;
  bool moved = end_flights(flow, [&](Flight& flight) {
    if (flight.memory) scatter(*flight.block, flight.memory.get());
  });
  const std::vector<Block>& blocks = blocks_of(rank);
  // A result may lie where the piece of it lies that is being sent.
  const size_t most = layout_.folds ? peer.pieces_out.ended : blocks.size();
  for (; flow.begun < most && flow.flights.size() < kFlights; ++flow.begun, moved = true) {
    const Block& block = blocks[flow.begun];
    Memory memory;
    char* to;
    if (block.ranges.size() == 1) {
      const Layout::Range& range = block.ranges[0];
      to = at(data_.results[range.part], range.begin, size_in_bytes(collective_.parts[range.part].dtype));
    } else {
      memory = memory_of(block.bytes);
      to = memory.get();
    }
    const Transport::Request request = transport_.receive(rank, Stream::results, to, block.bytes);
    flow.flights.push_back({request, std::move(memory), &block});
  }
  return moved;
}

bool Transfer::fold_what_came() {
  const std::vector<Block>& own = blocks_of(transport_.rank());
  bool moved = false;
  std::vector<const char*> pieces(peers_.size());
  for (; folded_ < own.size(); ++folded_, moved = true) {
    for (size_t rank = 0; rank < peers_.size(); ++rank) {
      if (static_cast<int>(rank) == transport_.rank()) continue;
      if (peers_[rank].pieces.empty()) return moved;
      pieces[rank] = peers_[rank].pieces.front().get();
    }
    fold(own[folded_], pieces);
    for (Peer& peer : peers_) {
      if (!peer.pieces.empty()) peer.pieces.pop_front();
    }
  }
  return moved;
}

bool Transfer::advance() {
  if (layout_.in_heads) return false;
  bool moved = false;
  for (int i = 1; i < transport_.size(); ++i) {
    const int rank = (transport_.rank() + i) % transport_.size();
    Peer& peer = peers_[static_cast<size_t>(rank)];
    if (layout_.folds) {
      moved |= send(rank, peer.pieces_out, Stream::pieces, blocks_of(rank), blocks_of(rank).size());
      moved |= receive_pieces(rank, peer);
    }
    if (layout_.spreads) {
      moved |= send(rank, peer.results_out, Stream::results, blocks_of(transport_.rank()), folded_);
      moved |= receive_results(rank, peer);
    }
  }
  if (layout_.folds) moved |= fold_what_came();
  return moved;
}

bool Transfer::is_done() const {
  if (layout_.in_heads) return true;
  const size_t own = blocks_of(transport_.rank()).size();
  if (folded_ < own) return false;
  for (int rank = 0; rank < transport_.size(); ++rank) {
    if (rank == transport_.rank()) continue;
    const Peer& peer = peers_[static_cast<size_t>(rank)];
    const size_t theirs = blocks_of(rank).size();
    if (layout_.folds && peer.pieces_out.ended < theirs) return false;
    if (layout_.spreads && (peer.results_out.ended < own || peer.results_in.ended < theirs)) return false;
  }
  return true;
}

}  // namespace sinter::runtime
