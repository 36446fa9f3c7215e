"""What a publisher's files hold, under the names and in the dtypes of tinyconv's packs."""
