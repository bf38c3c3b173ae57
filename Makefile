# placeholder replaced by the first build commit
help:
	@echo "see README"
