"""Networks: `nn.Module`s that map tensors to tensors, and the file that holds them."""
